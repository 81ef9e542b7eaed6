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
    private let state: Mutex<State>

    private struct State {
        var manner: Manner
        var paths: [StorePathHash: ScriptedPath]
        var report: TierReport
        var lookUps: [StorePathHash] = []
        var closures = 0
        var opened: [UInt64] = []
        /// Bytes after which each stream is cut, first to last; then none is.
        var cuts: [Int] = []
        var pace = NARPace.full
        var released = 0
    }

    /// How the NARs come.
    enum NARPace: Sendable {
        case full
        /// Nothing more behind so many bytes.
        case stalls(after: Int)
        /// Ten bytes at a time.
        case drips(every: Duration)
    }

    init(
        _ name: String,
        _ paths: [ScriptedPath] = [],
        _ manner: Manner = .answers(),
        isFirn: Bool = false,
        cuts: [Int] = []
    ) {
        self.name = name
        let byHash = paths.map { ($0.narInfo.storePath.hash, $0) }
        state = Mutex(
            State(
                manner: manner,
                paths: Dictionary(uniqueKeysWithValues: byHash),
                report: TierReport(state: .up, isFirn: isFirn),
                cuts: cuts
            )
        )
    }

    var report: TierReport { state.withLock { $0.report } }
    var lookUpCount: Int { state.withLock { $0.lookUps.count } }
    var closureCount: Int { state.withLock { $0.closures } }
    /// Where each stream began.
    var openedOffsets: [UInt64] { state.withLock { $0.opened } }

    /// Another narinfo and file of the same path; the old file is gone.
    func replace(_ path: ScriptedPath) {
        state.withLock { $0.paths[path.narInfo.storePath.hash] = path }
    }

    private var paths: [StorePathHash: ScriptedPath] { state.withLock { $0.paths } }

    /// How many streams were given up before their end.
    var releasedCount: Int { state.withLock { $0.released } }

    func set(_ pace: NARPace) { state.withLock { $0.pace = pace } }
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
        from offset: UInt64,
        onAsk: @escaping @Sendable () -> Void
    ) async throws(UpstreamFailure) -> any NARByteStream {
        onAsk()
        let (manner, cut, pace) = state.withLock { state in
            state.opened.append(offset)
            return (state.manner, state.cuts.isEmpty ? nil : state.cuts.removeFirst(), state.pace)
        }
        if case .fails(let failure) = manner { throw failure }
        guard let path = paths[narInfo.storePath.hash], path.narInfo.url == narInfo.url else {
            throw .narMissing
        }
        return ScriptedStream(path.file, from: Int(offset), cutAt: cut, pace) { [self] in
            state.withLock { $0.released += 1 }
        }
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
    private let pace: ScriptedCache.NARPace
    private let onRelease: @Sendable () -> Void
    private let position: Mutex<Int>

    init(
        _ bytes: [UInt8],
        from offset: Int,
        cutAt cut: Int?,
        _ pace: ScriptedCache.NARPace,
        onRelease: @escaping @Sendable () -> Void
    ) {
        self.bytes = bytes
        self.pace = pace
        self.onRelease = onRelease
        sizeBytes = UInt64(bytes.count)
        end = cut.map { min($0, bytes.count) } ?? bytes.count
        position = Mutex(offset)
    }

    deinit { if position.withLock({ $0 < bytes.count }) { onRelease() } }

    func isReady(until moment: ContinuousClock.Instant) async -> Bool {
        switch pace {
        case .full: return true
        case .stalls(let limit):
            if position.withLock({ $0 < limit }) { return true }
            try? await Task.sleep(until: moment)
            return false
        case .drips(let pause):
            guard ContinuousClock.now + pause <= moment else {
                try? await Task.sleep(until: moment)
                return false
            }
            try? await Task.sleep(for: pause)
            return !Task.isCancelled
        }
    }

    func next() async throws(UpstreamFailure) -> [UInt8]? {
        await Task.yield()
        let (most, limit): (Int, Int) =
            switch pace {
            case .full: (10_000, end)
            case .stalls(let limit): (10_000, min(end, limit))
            case .drips: (10, end)
            }
        let range = position.withLock { position in
            let start = position
            position = max(position, min(position + most, limit))
            return start..<position
        }
        guard range.isEmpty else { return Array(bytes[range]) }
        if range.lowerBound >= bytes.count { return nil }
        if case .stalls = pace {
            try? await Task.sleep(for: .seconds(15))
            throw .timedOut
        }
        guard end == bytes.count else { throw .brokenOff("cut by the test") }
        return nil
    }
}
