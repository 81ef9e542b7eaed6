// SPDX-License-Identifier: Apache-2.0
package import NixFormat
package import NixStore
package import Synchronization

/// A store that is only in memory and does what a test tells it, failing included.
package final class MemoryStore: LocalStore {
    /// What the store has; change it by ``change(_:)``.
    package struct Contents: Sendable {
        package var paths: [StorePathHash: PathInfo] = [:]
        package var trees: [StorePath: MemoryTree] = [:]
        package var logs: [StorePath: MemoryLog] = [:]
        package var realisations: [DerivationOutputID: Realisation] = [:]
        package var buildTrace: [BuildTraceEntry] = []
        /// Thrown by every question to the database.
        package var databaseFailure: LocalStoreError?
        /// Thrown by everything that looks at files.
        package var fileFailure: LocalStoreError?
        package var badPaths: Set<StorePath> = []
        /// Where the files of a path are that can be read as a NAR.
        package var folders: [StorePath: String] = [:]

        package init() {}
    }

    package let directory = StoreDirectory.standard
    package let counters = StoreCounters()
    private let contents = Mutex(Contents())
    private let changes = Atomic<UInt64>(1)
    /// How often files were looked at.
    package let fileLookups = Atomic<Int>(0)
    /// How often a NAR was begun.
    package let narsOpened = Atomic<Int>(0)

    package init() {}

    package var changeCount: UInt64 { changes.load(ordering: .acquiring) }

    package func change(_ body: (inout Contents) -> Void) {
        contents.withLock { body(&$0) }
        changes.wrappingAdd(1, ordering: .releasing)
    }

    /// Registers a path with files.
    @discardableResult
    package func add(
        _ path: StorePath,
        _ tree: MemoryTree,
        deriver: StorePath? = nil,
        narHash: NixHash? = nil
    ) -> PathInfo {
        var hasher = SHA256Hasher()
        hasher.update(Array("\(path)".utf8))
        let info = PathInfo(
            id: 1,
            path: path,
            narHash: narHash ?? hasher.finalize(),
            narSizeBytes: 1000,
            deriver: deriver
        )
        change { contents in
            contents.paths[path.hash] = info
            contents.trees[path] = tree
        }
        return info
    }

    private func database<Value>(_ body: (Contents) -> Value) throws -> Value {
        try contents.withLock { contents in
            if let failure = contents.databaseFailure { throw failure }
            return body(contents)
        }
    }

    private func files<Value>(_ body: (Contents) throws -> Value) throws -> Value {
        fileLookups.wrappingAdd(1, ordering: .relaxed)
        return try contents.withLock { contents in
            if let failure = contents.fileFailure { throw failure }
            return try body(contents)
        }
    }

    package func findPathInfo(_ hash: StorePathHash, deadline: Duration) async throws -> PathInfo? {
        try database { $0.paths[hash] }
    }

    package func arrivals(
        after id: Int64,
        limit: Int,
        deadline: Duration
    ) async throws -> [PathInfo] { [] }

    package func newestID(deadline: Duration) async throws -> Int64 {
        try database { Int64($0.paths.count) }
    }

    package func findRealisation(
        _ id: DerivationOutputID,
        deadline: Duration
    ) async throws -> Realisation? {
        try database { $0.realisations[id] }
    }

    package func findBuildTraceEntry(
        derivation: StorePath,
        output: String,
        deadline: Duration
    ) async throws -> BuildTraceEntry? {
        try database { contents in
            contents.buildTrace.first { $0.derivation == derivation && $0.outputName == output }
        }
    }

    package func debugOutputs(limit: Int, deadline: Duration) async throws -> [StorePath] {
        try database { contents in
            contents.paths.values.map(\.path).filter { $0.name.hasSuffix("-debug") }
        }
    }

    package func openNAR(_ info: PathInfo, range: Range<UInt64>?) throws -> NARReader {
        guard let folder = contents.withLock({ $0.folders[info.path] }) else {
            throw NARReadError.pathVanished(info.path)
        }
        narsOpened.wrappingAdd(1, ordering: .relaxed)
        return try NARReader(info, root: folder, range: range)
    }

    package func listing(_ info: PathInfo) throws -> NARListing {
        try files { contents in
            guard let tree = contents.trees[info.path] else {
                throw NARReadError.pathVanished(info.path)
            }
            var builder = NARListingBuilder()
            tree.add(to: &builder)
            return builder.finish()
        }
    }

    package func openLog(of derivation: StorePath) throws -> BuildLog? {
        try files { contents in
            guard let log = contents.logs[derivation] else { return nil }
            return BuildLog(file: try .temporary(log.bytes), compression: log.compression)
        }
    }

    package func openFile(in path: StorePath, at components: [[UInt8]]) throws -> StoreFile? {
        try files { try $0.trees[path]?.open(components[...]) }
    }

    package func isMarkedBad(_ info: PathInfo) -> Bool {
        contents.withLock { $0.badPaths.contains(info.path) }
    }

    package func checkHealth(deadline: Duration) async throws {
        try database { _ in }
        try files { _ in }
    }
}
