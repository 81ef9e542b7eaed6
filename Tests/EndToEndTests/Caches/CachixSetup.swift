// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

extension PushSetup {
    /// The closure as a sender packs it, dependencies first.
    func packed(as compression: String = "zstd") async throws -> [PackedStorePath] {
        try await PackedStorePath.pack([top], of: store, as: compression, in: directory)
    }

    /// `cachix` with a token of this kind.
    func cachix(_ allow: String = "push,pull") async throws -> CachixClient {
        let token = try await administration.token("team", allow)
        return CachixClient(port: server.port, token: token)
    }

    /// Whether a path can be seen.
    func isVisible(_ path: PackedStorePath, _ client: CachixClient) async throws -> Bool {
        try await get("/team/\(path.hash).narinfo", client.token).status == 200
    }
}

/// The status that a call is refused with; `nil` when it is not.
func refusal(_ body: () async throws -> Void) async throws -> Int? {
    do {
        try await body()
        return nil
    } catch let refusal as CachixClient.Refusal {
        return refusal.status
    }
}

/// The set-up with a client and a path that refers to nothing.
func withLeaf(
    create: [String] = [],
    _ body: (PushSetup, CachixClient, PackedStorePath) async throws -> Void
) async throws {
    try await withPushSetup(create: create) { setup in
        let paths = try await setup.packed()
        let leaf = try #require(paths.first { $0.narInfo.references.isEmpty })
        try await body(setup, try await setup.cachix(), leaf)
        // The server is as it was before.
        #expect(try await setup.get("/readyz").status == 200)
    }
}
