// SPDX-License-Identifier: Apache-2.0
import Compression
import Logging
import NixFormat
import NixStore
import Upstream

/// A NAR that is being made of what is here and of a delta that is coming.
///
/// Memory: what comes lies there until it is a whole delta, or a segment of a large one; then its base
/// does, and what is made, which goes on into a file if it is large. Both take their room from bounds for
/// all of them. What waits for a network never holds the room for the making, which waits for nothing: a
/// slow link keeps no NAR from being made whose delta is here.
final class NARRebuild: @unchecked Sendable {
    // SAFETY: one task uses it, and waits for what it has threads do: nothing touches these fields
    // at the same time.
    private let coding: CodedNARStream.Coding
    private let stream: any NARByteStream
    private let narInfo: NARInfo
    private let plan: DeltaPlan
    private let tier: RemoteTier
    private let cache: TieredCache
    private var receivedBytes: UInt64 = 0

    /// Room for what comes, and for what is made of it.
    private var receiving: SpoolMemory.Lease?
    private var making: SpoolMemory.Lease?
    /// What came before it was known which base it is about.
    private var beginning: [UInt8] = []
    private var base: LocalNAR?
    private var stretches: StretchReader?
    private var basePath: StorePath?
    private var reader: SegmentedDeltaReader?
    private var unpacker: PrefixUnpacker?
    private var hasher = SHA256Hasher()
    private var spool: (any SpoolFile)?
    private var memory: [UInt8] = []
    private var writtenBytes: UInt64 = 0
    /// Whether all of it is here and right.
    private(set) var isVerified = false

    /// Why it is of no use.
    enum Failure: Error {
        case noRoom
        case tooLong
        case tooSlow
        case wrongBytes
        case delta(DeltaError)
        case stream(UpstreamFailure)
        case base(String)
    }

    private static let jobLimit = Duration.seconds(120)
    private static let roomLimit = Duration.seconds(60)
    /// More than any delta in one piece adds to what it is a delta of.
    private static let slackBytes = 256 << 10
    /// A segment that is coming, and what the network has ready behind it.
    static let segmentBytes = SegmentedDelta.maximumArrivingBytes + (512 << 10)
    /// The largest delta in one piece.
    static let maximumArrivingBytes = DeltaMaker.maximumWholeBytes + slackBytes
    private let began = ContinuousClock.now

    init(
        _ coded: CodedNARStream,
        _ narInfo: NARInfo,
        _ plan: DeltaPlan,
        from tier: RemoteTier,
        in cache: TieredCache
    ) {
        coding = coded.coding
        stream = coded.stream
        self.narInfo = narInfo
        self.plan = plan
        self.tier = tier
        self.cache = cache
    }

    /// Says why it is of no use; where that is only for want of room here, the tier is not to blame.
    func noteFailure(_ error: any Error) {
        cache.logger.info(
            "a delta was of no use",
            metadata: ["path": "\(narInfo.storePath)", "cause": "\(error)"]
        )
        let reason = "the delta was of no use: \(error)"
        if case .noRoom = error as? Failure {
            tier.deltas.noteOrdinary(narInfo.storePath.hash, reason)
        } else {
            tier.deltas.noteFailure(narInfo.storePath.hash, reason)
        }
    }

    /// Does the next step.
    ///
    /// - Throws: ``Failure``, or what the disk throws; it is of no use then.
    func advance() async throws {
        guard !isVerified else { return }
        switch coding {
        case .dcz: try await makeWhole()
        case .segmented: try await makeSegment()
        case .identity, .zstd: throw Failure.delta(.notADelta)
        }
    }

    /// Bytes that have been made; none where there are no more yet.
    func read(at position: UInt64, count: Int) async throws -> [UInt8] {
        let count = Int(min(UInt64(count), writtenBytes - position))
        guard count > 0 else { return [] }
        guard let spool else { return Array(memory[Int(position)..<Int(position) + count]) }
        return try await cache.rebuilders.run(deadline: Self.jobLimit) {
            try unsafe [UInt8](unsafeUninitializedCapacity: count) { space, filled in
                filled = try unsafe spool.read(
                    at: position,
                    into: UnsafeMutableRawBufferPointer(space)
                )
            }
        }
    }

    private func pull() async throws(Failure) -> [UInt8]? {
        do throws(UpstreamFailure) {
            let bytes = try await stream.next()
            receivedBytes += UInt64(bytes?.count ?? 0)
            return bytes
        } catch {
            throw .stream(error)
        }
    }

    /// Waits for memory that others use at the moment.
    private func room(
        _ bytes: Int,
        within memory: SpoolMemory,
        until deadline: ContinuousClock.Instant
    ) async throws -> SpoolMemory.Lease {
        while true {
            if let lease = SpoolMemory.Lease(bytes, within: memory) { return lease }
            guard deadline > .now else { throw Failure.noRoom }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// The base that the delta says it is about.
    private func choose(_ digest: ArraySlice<UInt8>) async throws(Failure) -> DeltaBase {
        let chosen = plan.bases.first { $0.narHash.digest.elementsEqual(digest) }
        guard let chosen else { throw .delta(.wrongDictionary) }
        guard let opened = await cache.open(chosen) else { throw .base("it has gone") }
        base = opened
        stretches = StretchReader(opened)
        basePath = chosen.path
        return chosen
    }

    private func verify(_ hash: NixHash) throws(Failure) {
        guard writtenBytes == narInfo.narSizeBytes, hash == narInfo.narHash else {
            throw .wrongBytes
        }
        isVerified = true
        receiving = nil
        if spool == nil { making?.giveBack(downTo: memory.count) } else { making = nil }
        guard let basePath else { return }
        tier.deltas.noteUse(
            of: basePath,
            for: narInfo.storePath.hash,
            isRebuild: plan.isRebuild,
            deltaBytes: receivedBytes,
            ordinaryBytes: narInfo.fileSizeBytes ?? narInfo.narSizeBytes
        )
    }
}

// MARK: In one piece

extension NARRebuild {
    private func makeWhole() async throws {
        let limit = DeltaMaker.maximumWholeBytes
        guard narInfo.narSizeBytes <= UInt64(limit) else { throw Failure.tooLong }
        let sizeBytes = Int(narInfo.narSizeBytes)
        let deadline = began + cache.configuration.deltaPatience
        let body = try await receive(atMost: sizeBytes + Self.slackBytes, until: deadline)
        guard body.count > DictionaryCompressedZstd.headBytes else {
            throw Failure.delta(.truncated(byteOffset: UInt64(body.count)))
        }
        let info = try await choose(body[8..<DictionaryCompressedZstd.headBytes])
        guard let base else { return }
        making = try await room(
            sizeBytes + Int(min(info.narSizeBytes, UInt64(limit))),
            within: cache.rebuildMemory,
            until: .now + Self.roomLimit
        )
        let meter = tier.deltas.applying
        let (made, hash) = try await cache.rebuilders.run(deadline: Self.jobLimit) {
            let turn = BusyMeter.Turn(of: meter)
            defer { turn.end(bytes: UInt64(sizeBytes)) }
            return try Self.decode(body, base, sizeBytes)
        }
        memory = made
        writtenBytes = UInt64(made.count)
        try verify(hash)
    }

    /// All of a delta in one piece.
    ///
    /// Nix has nothing of the NAR meanwhile: what comes too slowly for its patience is given up.
    private func receive(
        atMost limit: Int,
        until deadline: ContinuousClock.Instant
    ) async throws -> [UInt8] {
        let expected = stream.sizeBytes.map { Int(clamping: $0) } ?? limit
        guard expected <= limit else { throw Failure.tooLong }
        receiving = try await room(expected, within: cache.arrivingMemory, until: deadline)
        var body: [UInt8] = []
        body.reserveCapacity(stream.sizeBytes == nil ? 0 : expected)
        while let bytes = try await pull() {
            body += bytes
            guard body.count <= expected else { throw Failure.tooLong }
            guard deadline > .now else { throw Failure.tooSlow }
        }
        return body
    }

    private static func decode(
        _ body: [UInt8],
        _ base: LocalNAR,
        _ sizeBytes: Int
    ) throws -> ([UInt8], NixHash) {
        let dictionary: [UInt8]
        do {
            dictionary = try base.read(atMost: DeltaMaker.maximumWholeBytes)
        } catch {
            throw Failure.base("\(error)")
        }
        do throws(DeltaError) {
            let made = try DictionaryCompressedZstd.decode(
                body,
                dictionary: dictionary,
                hash: base.narHash,
                contentBytes: sizeBytes
            )
            return (made, SHA256Hasher.hash(made))
        } catch {
            throw Failure.delta(error)
        }
    }
}

// MARK: In segments

extension NARRebuild {
    private func makeSegment() async throws {
        guard reader != nil else { return try await beginSegments() }
        if let segment = try nextSegment() { return try await make(segment) }
        guard let bytes = try await pull() else {
            do throws(DeltaError) {
                try reader?.finish()
            } catch {
                throw Failure.delta(error)
            }
            return try verify(hasher.finalize())
        }
        reader?.take(bytes)
    }

    private func nextSegment() throws(Failure) -> SegmentedDelta.Segment? {
        do throws(DeltaError) {
            return try reader?.next()
        } catch {
            throw .delta(error)
        }
    }

    private func beginSegments() async throws {
        receiving = try await room(
            Self.segmentBytes,
            within: cache.segmentMemory,
            until: .now + Self.roomLimit
        )
        while beginning.count < 40, let bytes = try await pull() { beginning += bytes }
        guard beginning.count >= 40 else {
            throw Failure.delta(.truncated(byteOffset: UInt64(beginning.count)))
        }
        let info = try await choose(beginning[8..<40])
        var reader = SegmentedDeltaReader(
            SegmentedDelta.Head(
                baseHash: info.narHash,
                targetHash: narInfo.narHash,
                baseSizeBytes: info.narSizeBytes,
                targetSizeBytes: narInfo.narSizeBytes
            )
        )
        reader.take(beginning)
        beginning = []
        self.reader = consume reader
        unpacker = try PrefixUnpacker()
        guard let spool = cache.makeRebuildSpool(narInfo.narSizeBytes) else {
            throw Failure.noRoom
        }
        self.spool = spool
    }

    private func make(_ segment: SegmentedDelta.Segment) async throws {
        guard let spool, let stretches else { return }
        making = try await room(
            segment.memoryBytes,
            within: cache.rebuildMemory,
            until: .now + Self.roomLimit
        )
        defer { making = nil }
        let count = try await cache.rebuilders.run(deadline: Self.jobLimit) { [self] in
            let turn = BusyMeter.Turn(of: tier.deltas.applying)
            let prefix: [UInt8]
            do {
                prefix = try stretches.read(segment.stretches)
            } catch {
                throw Failure.base("\(error)")
            }
            let bytes = try unpack(segment, prefix)
            try append(bytes, to: spool)
            hasher.update(bytes)
            turn.end(bytes: UInt64(bytes.count))
            return bytes.count
        }
        writtenBytes += UInt64(count)
    }

    /// A disk that is full is no fault of the delta.
    private func append(_ bytes: [UInt8], to spool: any SpoolFile) throws(Failure) {
        do {
            try unsafe bytes.withUnsafeBytes { try unsafe spool.append($0) }
        } catch {
            cache.spoolFailed(error)
            throw .noRoom
        }
    }

    private func unpack(
        _ segment: SegmentedDelta.Segment,
        _ prefix: [UInt8]
    ) throws(Failure) -> [UInt8] {
        guard let unpacker = unpacker.take() else { return [] }
        do throws(DeltaError) {
            let bytes = try segment.unpack(prefix: prefix, with: unpacker)
            self.unpacker = consume unpacker
            return bytes
        } catch {
            throw .delta(error)
        }
    }
}

extension NARRebuild.Failure: CustomStringConvertible {
    var description: String {
        switch self {
        case .noRoom: "there was no room to make the NAR"
        case .tooLong: "it was longer than what it makes"
        case .tooSlow: "it came too slowly"
        case .wrongBytes: "it made another NAR than the one that was signed"
        case .delta(let error): "\(error)"
        case .stream(let failure): "\(failure)"
        case .base(let reason): "its base could not be read: \(reason)"
        }
    }
}
