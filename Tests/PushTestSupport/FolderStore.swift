// SPDX-License-Identifier: Apache-2.0
import Foundation
package import NixFormat
package import NixStore
import Synchronization

/// A store without a Nix: paths that are single files, with references as a test likes them.
package final class FolderStore: LocalStore {
    package let directory = StoreDirectory.standard
    package let counters = StoreCounters()
    private let folder: String
    private let paths = Mutex<[StorePathHash: PathInfo]>([:])

    package init(folder: String) {
        self.folder = folder
    }

    package var changeCount: UInt64 { 1 }

    /// A store path that is the same for the same number.
    package static func path(_ number: Int, _ name: String = "path") throws -> StorePath {
        let digest = SHA256Hasher.hash(Array("\(number)".utf8)).digest
        let hash = try StorePathHash(bytes: Array(digest.prefix(StorePathHash.byteCount)))
        return try StorePath(hash: hash, name: "\(name)-\(number)")
    }

    /// Registers a path, newer than all others, that is a file with these bytes.
    @discardableResult
    package func add(
        _ path: StorePath,
        _ contents: [UInt8],
        references: [StorePath] = []
    ) throws -> PathInfo {
        let nar = Self.nar(contents)
        try Data(contents).write(to: URL(filePath: file(of: path)))
        return paths.withLock { paths in
            let info = PathInfo(
                id: Int64(paths.count + 1),
                path: path,
                narHash: SHA256Hasher.hash(nar),
                narSizeBytes: UInt64(nar.count),
                references: references
            )
            paths[path.hash] = info
            return info
        }
    }

    /// Takes a path's files away, as a collection does.
    package func collect(_ path: StorePath) throws {
        paths.withLock { $0[path.hash] = nil }
        try? FileManager.default.removeItem(atPath: file(of: path))
    }

    /// The NAR of a file with these bytes.
    package static func nar(_ contents: [UInt8]) -> [UInt8] {
        func string(_ bytes: [UInt8]) -> [UInt8] {
            let length = (0..<8).map { UInt8(truncatingIfNeeded: bytes.count >> ($0 * 8)) }
            let padding = (8 - bytes.count % 8) % 8
            return length + bytes + Array(repeating: 0, count: padding)
        }
        let head = ["nix-archive-1", "(", "type", "regular", "contents"]
        return head.flatMap { string(Array($0.utf8)) } + string(contents) + string([0x29])
    }

    package func findPathInfo(_ hash: StorePathHash, deadline: Duration) async throws -> PathInfo? {
        paths.withLock { $0[hash] }
    }

    package func arrivals(
        after id: Int64,
        limit: Int,
        deadline: Duration
    ) async throws -> [PathInfo] {
        let all = paths.withLock { Array($0.values) }
        return Array(all.filter { $0.id > id }.sorted { $0.id < $1.id }.prefix(limit))
    }

    package func newestID(deadline: Duration) async throws -> Int64 {
        paths.withLock { $0.values.map(\.id).max() ?? 0 }
    }

    package func openNAR(_ info: PathInfo, range: Range<UInt64>?) throws -> NARReader {
        guard FileManager.default.fileExists(atPath: file(of: info.path)) else {
            throw NARReadError.pathVanished(info.path)
        }
        return try NARReader(info, root: file(of: info.path), range: range)
    }

    private func file(of path: StorePath) -> String { "\(folder)/\(path)" }

    // What a push does not ask for.

    package func findRealisation(
        _ id: DerivationOutputID,
        deadline: Duration
    ) async throws -> Realisation? { nil }

    package func findBuildTraceEntry(
        derivation: StorePath,
        output: String,
        deadline: Duration
    ) async throws -> BuildTraceEntry? { nil }

    package func debugOutputs(limit: Int, deadline: Duration) async throws -> [StorePath] { [] }

    package func listing(_ info: PathInfo) throws -> NARListing {
        throw NARReadError.pathVanished(info.path)
    }

    package func openLog(of derivation: StorePath) throws -> BuildLog? { nil }

    package func openFile(in path: StorePath, at components: [[UInt8]]) throws -> StoreFile? { nil }

    package func isMarkedBad(_ info: PathInfo) -> Bool { false }

    package func checkHealth(deadline: Duration) async throws {}
}
