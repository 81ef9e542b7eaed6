// SPDX-License-Identifier: Apache-2.0
import GRDB
import Logging
package import NixFormat
import Synchronization

extension NixLocalStore {
    package func findPathInfo(
        _ hash: StorePathHash,
        deadline: Duration
    ) async throws -> PathInfo? {
        try await ask(deadline: deadline) { store, expiry in
            let query = PathInfoQuery(directory: store.directory)
            let answer = try store.database.read(until: expiry) { try query.find(hash, in: $0) }
            return answer.flatMap(store.usable)
        }
    }

    package func arrivals(
        after id: Int64,
        limit: Int,
        deadline: Duration
    ) async throws -> [PathInfo] {
        try await ask(deadline: deadline) { store, expiry in
            let query = PathInfoQuery(directory: store.directory)
            let answers = try store.database.read(until: expiry) {
                try query.arrivals(after: id, limit: limit, in: $0)
            }
            return answers.compactMap(store.usable)
        }
    }

    package func newestID(deadline: Duration) async throws -> Int64 {
        try await ask(deadline: deadline) { store, expiry in
            let query = PathInfoQuery(directory: store.directory)
            return try store.database.read(until: expiry) { try query.newestID(in: $0) }
        }
    }

    package func findRealisation(
        _ id: DerivationOutputID,
        deadline: Duration
    ) async throws -> Realisation? {
        try await ask(deadline: deadline) { store, expiry in
            let query = RealisationQuery(directory: store.directory)
            return try store.database.read(until: expiry) { try query.find(id, in: $0) }
        }
    }

    package func findBuildTraceEntry(
        derivation: StorePath,
        output: String,
        deadline: Duration
    ) async throws -> BuildTraceEntry? {
        try await ask(deadline: deadline) { store, expiry in
            let query = RealisationQuery(directory: store.directory)
            return try store.database.read(until: expiry) {
                try query.find(derivation: derivation, output: output, in: $0)
            }
        }
    }

    private func usable(_ answer: PathInfoQuery.Answer) -> PathInfo? {
        switch answer {
        case .found(let info):
            return info
        case .withoutSize(let path):
            let before = counters.rowsWithoutSize.add(1, ordering: .relaxed).oldValue
            // Such paths come in thousands where they come at all.
            if before == 0 {
                logger.warning(
                    "a path is not served, because Nix's database has no size for it",
                    metadata: ["path": "\(path)"]
                )
            }
            return nil
        }
    }
}
