// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport

/// A Firn that has nothing of its own and keeps nothing, as on a laptop.
func withAgent<Value>(
    _ tiers: TierSetup...,
    keys: [String] = [],
    _ body: (FirnServer) async throws -> Value
) async throws -> Value {
    try await withNixStore { store in
        try await store.initialise()
        var setup = ServerSetup(storeRoot: store.root)
        setup.depotLocation = "none"
        setup.keys = keys
        setup.tiers = tiers
        return try await withServer(setup, body)
    }
}

/// A Firn with an empty store, and a depot that outlives it.
func withKeepingServer<Value>(
    _ tiers: TierSetup...,
    depot: String? = nil,
    size: String = "1GB",
    _ body: (FirnServer) async throws -> Value
) async throws -> Value {
    try await withNixStore { store in
        try await store.initialise()
        var setup = ServerSetup(storeRoot: store.root)
        setup.compression = "zstd"
        setup.depotLocation = depot
        setup.depotSize = size
        setup.tiers = tiers
        return try await withServer(setup, body)
    }
}

extension NixClientHome {
    /// Asks one Firn only, as the guide for laptops has it.
    mutating func use(agent: FirnServer, trusting publicKeys: String...) {
        use(cache: agent.url, trusting: publicKeys.joined(separator: " "))
        settings.append(("narinfo-cache-negative-ttl", "0"))
        settings.append(("fallback", "false"))
    }
}

extension FirnServer {
    /// How often it answered with a status that no Nix client may see.
    var forbiddenAnswers: [String] {
        get async throws {
            let allowed = ["200", "206", "304", "404"]
            return try await get("/metrics").text.split(separator: "\n").map(String.init).filter {
                line in
                line.hasPrefix("firn_http_requests_total{")
                    && !allowed.contains { line.contains("status=\"\($0)\"") }
            }
        }
    }
}
