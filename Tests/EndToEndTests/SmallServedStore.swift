// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

/// Serves a small store of a test's own, which it may damage.
func withSmallServedStore<Value>(
    _ body: (TemporaryNixStore, FirnServer, [String]) async throws -> Value
) async throws -> Value {
    try await withNixStore { store in
        let paths = try await store.buildSmall()
        return try await withServer(ServerSetup(storeRoot: store.root)) { server in
            try await body(store, server, paths)
        }
    }
}

extension TemporaryNixStore {
    /// Builds a few paths of each kind and returns them all.
    func buildSmall(_ closure: SampleClosure = .small) async throws -> [String] {
        let top = try await build(closure.expression)
        return try await self.closure(of: top)
    }
}

extension [String] {
    /// The store path of this name.
    func named(_ name: String) throws -> String {
        try #require(first { $0.storeBaseName.dropFirst(33) == name })
    }
}
