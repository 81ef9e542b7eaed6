// SPDX-License-Identifier: Apache-2.0
package import Caches
import Compression
import Depot
package import NixFormat
import NixStore

/// What stands in front of a NAR of a bundle.
package struct BundleHead: Hashable, Sendable {
    package let hash: StorePathHash
    package let narHash: NixHash
    package let narSizeBytes: UInt64
    package let fileSizeBytes: UInt64

    /// Fails for a name that is not `HASH-NARHASH.nar.zst`.
    package init?(name: String, narSizeBytes: UInt64, fileSizeBytes: UInt64) {
        guard let key = try? ObjectKey(parsing: name), key.form == .zstd else { return nil }
        hash = key.storeHash
        narHash = key.narHash
        self.narSizeBytes = narSizeBytes
        self.fileSizeBytes = fileSizeBytes
    }
}

/// Small NARs one after the other, each verified when it is complete.
package final class BundleSink: BodySink, @unchecked Sendable {
    // SAFETY: a BodySink has one task, which awaits each piece of work before the next.
    private let named: NamedCaches
    private let pusher: NamedCaches.Pusher
    /// For all of them; given back with the last.
    private let share: QuotaShare
    private let slot: UploadSlot
    private let parse: @Sendable ([UInt8]) -> BundleHead?

    private var line: [UInt8] = []
    private var head: BundleHead?
    private var file: [UInt8] = []

    /// Of the NARs that came, in their order, and why they were not taken.
    package private(set) var results: [(hash: StorePathHash, refusal: String?)] = []

    private static let maximumLineBytes = 256
    private static let maximumNARBytes = UInt64(SeekableFileCheck.contentBytes)
    /// A frame, and a table of one.
    private static let maximumFileBytes = UInt64(SeekableFileCheck.maximumFrameBytes + 64)

    init(
        _ pusher: NamedCaches.Pusher,
        _ share: QuotaShare,
        _ slot: UploadSlot,
        of named: NamedCaches,
        parse: @escaping @Sendable ([UInt8]) -> BundleHead?
    ) {
        self.pusher = pusher
        self.share = share
        self.slot = slot
        self.named = named
        self.parse = parse
    }

    package func write(_ piece: [UInt8]) async throws {
        var rest = piece[...]
        while !rest.isEmpty {
            guard let head else {
                try readLine(&rest)
                continue
            }
            let wanted = Int(head.fileSizeBytes) - file.count
            file += rest.prefix(wanted)
            rest = rest.dropFirst(wanted)
            if file.count == Int(head.fileSizeBytes) { try await takeFile(head) }
        }
    }

    package func finish() async throws {
        guard head == nil, line.isEmpty else {
            throw CacheError.malformed("the bundle ends in the middle of a NAR")
        }
    }

    private func readLine(_ rest: inout ArraySlice<UInt8>) throws {
        let end = rest.firstIndex(of: 0x0A) ?? rest.endIndex
        line += rest[..<end]
        guard line.count < Self.maximumLineBytes else {
            throw CacheError.malformed("the bundle has no line in front of a NAR")
        }
        guard end < rest.endIndex else {
            rest = []
            return
        }
        rest = rest[(end + 1)...]
        guard let parsed = parse(line), parsed.fileSizeBytes > 0 else {
            throw CacheError.malformed(
                "a NAR of a bundle has a line HASH-NARHASH.nar.zst NARSIZE FILESIZE before it"
            )
        }
        guard parsed.narSizeBytes <= Self.maximumNARBytes,
            parsed.fileSizeBytes <= Self.maximumFileBytes
        else {
            throw CacheError.malformed(
                "a NAR of more than \(Self.maximumNARBytes) bytes does not travel in a bundle"
            )
        }
        line.removeAll(keepingCapacity: true)
        head = parsed
        file.reserveCapacity(Int(parsed.fileSizeBytes))
    }

    private func takeFile(_ head: BundleHead) async throws {
        let bytes = file
        file.removeAll(keepingCapacity: true)
        self.head = nil
        do {
            let nar = try await named.uploaders.run(deadline: .seconds(300)) { [self] in
                try verify(bytes, head)
            }
            named.stage(nar, as: head.hash, pusher)
            results.append((head.hash, nil))
        } catch CacheError.refused(let reason) {
            results.append((head.hash, reason))
        } catch let error as CompressionError {
            results.append((head.hash, "it is not seekable zstd as Firn writes it: \(error)"))
        } catch let error as CacheError {
            throw error
        } catch {
            throw CacheError(error)
        }
    }

    // MARK: On a thread that may wait

    private func verify(_ bytes: [UInt8], _ head: BundleHead) throws -> StagedNAR {
        if let maximum = pusher.cache.settings.maximumNARBytes, head.narSizeBytes > maximum {
            throw CacheError.refused(
                "cache \(pusher.cache.name) takes NARs of up to \(maximum) bytes (max-nar-size)"
            )
        }
        let form = named.configuration.form
        let pending = try named.depot.beginUpload(
            as: form,
            expectedBytes: form == .zstd ? UInt64(bytes.count) : head.narSizeBytes
        )
        var check = try NARFileCheck()
        try named.rooms.with { room in
            let taken = try unsafe bytes.withUnsafeBytes { file in
                try unsafe check.take(file, into: room.contents) { contents in
                    if form == .identity { try unsafe pending.write(contents) }
                }
            }
            guard taken == bytes.count, check.hasEnded else {
                throw CompressionError.truncated(byteOffset: UInt64(taken))
            }
        }
        let narHash = check.narHash
        guard narHash == head.narHash, check.narSizeBytes == head.narSizeBytes else {
            throw CacheError.refused(
                "its NarHash is \(narHash) and its NarSize \(check.narSizeBytes), and not what was said"
            )
        }
        if form == .zstd { try unsafe bytes.withUnsafeBytes { try unsafe pending.write($0) } }
        try pending.complete()
        return StagedNAR(
            upload: pending,
            share: share,
            fileHash: check.fileHash,
            fileSizeBytes: check.fileSizeBytes,
            narHash: narHash,
            narSizeBytes: check.narSizeBytes
        )
    }
}

extension NamedCaches {
    /// Takes small NARs, each with a line in front that `parse` reads; `lengthBytes` is that of the body.
    ///
    /// - Returns: Where the body goes.
    /// - Throws: ``CacheError``, before anything of the body was read.
    package func bundle(
        into name: CacheName,
        by visitor: Visitor,
        lengthBytes: UInt64,
        parse: @escaping @Sendable ([UInt8]) -> BundleHead?
    ) async throws -> BundleSink {
        let pusher = try await pusher(of: name, visitor)
        staged.dropOverdue()
        let share = try await takeShare(of: pusher.cache, lengthBytes)
        return BundleSink(pusher, share, try await keepingSlots.take(), of: self, parse: parse)
    }
}
