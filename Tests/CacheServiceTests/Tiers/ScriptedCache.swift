// SPDX-License-Identifier: Apache-2.0
import CacheService
import NixFormat
import StoreTestSupport
import Synchronization
import Upstream

/// Another cache that does what a test says.
final class ScriptedCache: BinaryCache {
    enum Manner: Sendable {
        case answers(after: Duration = .zero)
        case fails(UpstreamFailure)
        /// Nothing comes until the question is given up.
        case isSilent
    }

    let name: String
    private let paths: [StorePathHash: ScriptedPath]
    private let state: Mutex<State>

    private struct State {
        var manner: Manner
        var report: TierReport
        var lookUps: [StorePathHash] = []
        var closures = 0
        var opened: [UInt64] = []
        /// Bytes after which each stream is cut, first to last; then none is.
        var cuts: [Int] = []
    }

    init(
        _ name: String,
        _ paths: [ScriptedPath] = [],
        _ manner: Manner = .answers(),
        isFirn: Bool = false,
        cuts: [Int] = []
    ) {
        self.name = name
        self.paths = Dictionary(uniqueKeysWithValues: paths.map { ($0.narInfo.storePath.hash, $0) })
        state = Mutex(
            State(manner: manner, report: TierReport(state: .up, isFirn: isFirn), cuts: cuts)
        )
    }

    var report: TierReport { state.withLock { $0.report } }
    var lookUpCount: Int { state.withLock { $0.lookUps.count } }
    var closureCount: Int { state.withLock { $0.closures } }
    /// Where each stream began.
    var openedOffsets: [UInt64] { state.withLock { $0.opened } }

    func set(_ manner: Manner) { state.withLock { $0.manner = manner } }
    func set(_ health: TierReport.State) { state.withLock { $0.report.state = health } }

    func lookUp(_ hash: StorePathHash) async -> LookUp {
        let manner = state.withLock { state in
            state.lookUps.append(hash)
            return state.manner
        }
        switch manner {
        case .answers(let delay):
            if delay > .zero { try? await Task.sleep(for: delay) }
            return paths[hash].map { .found($0.narInfo) } ?? .absent
        case .fails(let failure): return .failed(failure)
        case .isSilent:
            try? await Task.sleep(for: .seconds(20))
            return .failed(.timedOut)
        }
    }

    func lookUpClosure(_ hash: StorePathHash) async -> [NARInfo]? {
        state.withLock { $0.closures += 1 }
        guard report.isFirn, paths[hash] != nil else { return nil }
        return paths.values.map(\.narInfo)
    }

    func fetch(_ file: CacheFile) async -> FileLookUp { .absent }

    func openNAR(
        _ narInfo: NARInfo,
        from offset: UInt64
    ) async throws(UpstreamFailure) -> any NARByteStream {
        let (manner, cut) = state.withLock { state in
            state.opened.append(offset)
            return (state.manner, state.cuts.isEmpty ? nil : state.cuts.removeFirst())
        }
        if case .fails(let failure) = manner { throw failure }
        guard let path = paths[narInfo.storePath.hash] else { throw .narMissing }
        return ScriptedStream(path.file, from: Int(offset), cutAt: cut)
    }
}

/// A path that a scripted cache has.
struct ScriptedPath: Sendable {
    var narInfo: NARInfo
    var file: [UInt8]

    /// A path whose file is what it claims, unless the test changes it afterwards.
    init(_ name: String, _ nar: [UInt8], references: [StorePath] = []) throws {
        var hasher = SHA256Hasher()
        hasher.update(nar)
        let hash = hasher.finalize()
        file = nar
        narInfo = NARInfo(
            storePath: try .named(name),
            url: "nar/\(name).nar.br",
            // A form that is passed on by its name and never unpacked.
            compression: .br,
            fileHash: hash,
            fileSizeBytes: UInt64(nar.count),
            narHash: hash,
            narSizeBytes: UInt64(nar.count),
            references: references
        )
    }

    /// The request of a client that was told of it.
    var request: NARRequest? {
        guard let hash = narInfo.fileHash,
            let file = PassedFile(fileHash: hash, compression: narInfo.compression)
        else { return nil }
        return NARRequest(
            storeHash: narInfo.storePath.hash,
            narHash: narInfo.narHash,
            form: .passed(file)
        )
    }
}

private final class ScriptedStream: NARByteStream {
    let sizeBytes: UInt64?
    private let bytes: [UInt8]
    private let end: Int
    private let position: Mutex<Int>

    init(_ bytes: [UInt8], from offset: Int, cutAt cut: Int?) {
        self.bytes = bytes
        sizeBytes = UInt64(bytes.count)
        end = cut.map { min($0, bytes.count) } ?? bytes.count
        position = Mutex(offset)
    }

    func next() async throws(UpstreamFailure) -> [UInt8]? {
        await Task.yield()
        let range = position.withLock { position in
            let start = position
            position = max(position, min(position + 10_000, end))
            return start..<position
        }
        guard range.isEmpty else { return Array(bytes[range]) }
        guard end == bytes.count else { throw .brokenOff("cut by the test") }
        return nil
    }
}
