// SPDX-License-Identifier: Apache-2.0
import Caches
import Compression
import Depot
import NixFormat

/// A NAR that comes in parts, in any order and several at once.
///
/// What has come without a gap is unpacked and hashed meanwhile, if it is worth it and not too many
/// are at that; the rest waits on the disk for its turn.
actor MultipartUpload {
    nonisolated let id: UploadID
    nonisolated let secret: UploadSecret
    nonisolated let cache: NamedCache
    nonisolated let principal: Principal
    private let compression: NARCompression
    private let named: NamedCaches

    private var parts: [Int: ReceivedPart] = [:]
    /// The first part that is not unpacked.
    private var nextNumber = 1
    private var nar: NARUpload?
    private var unpacking: Task<Void, Never>?
    /// What keeps it from ever becoming a NAR.
    private var failure: CacheError?
    private var isStaged = false
    private var completion: (of: NARInfo, task: Task<Void, any Error>)?

    /// Parts that wait on the disk, each with a descriptor; the one whose turn it is may always come.
    private static let mostWaiting = 128
    /// Less is unpacked in no time at the end, and need not be begun before.
    private static let worthwhileBytes: UInt64 = 4 << 20

    init(
        to cache: NamedCache,
        packedWith compression: NARCompression,
        by principal: Principal,
        for named: NamedCaches
    ) {
        id = .generate()
        secret = .generate()
        self.cache = cache
        self.compression = compression
        self.principal = principal
        self.named = named
    }

    nonisolated var key: StagedNARs.Key {
        StagedNARs.Key(cache: cache.name, principal: principal, name: .multipart(id))
    }

    /// Whether nothing that came waits for its turn.
    var hasUnpackedAll: Bool { unpacking == nil && parts.values.allSatisfy { $0.bytes == nil } }

    /// Decides whether a part may come, which has so many bytes as far as that is said.
    func requireRoom(for place: PartPlace, _ lengthBytes: UInt64?) throws {
        try requireOpen()
        let others = parts.values.filter { $0.place.number != place.number }
        guard
            place.number == nextNumber
                || others.count(where: { $0.bytes != nil })
                    < Self.mostWaiting
        else {
            throw CacheError.tooMany("\(Self.mostWaiting) parts wait for part \(nextNumber)")
        }
        guard let maximum = cache.settings.maximumNARBytes else { return }
        let total = others.reduce(lengthBytes ?? 0) { $0 &+ $1.sizeBytes }
        if total > NamedCaches.mostBytes(ofFileFor: maximum) {
            throw CacheError.tooLarge(
                "cache \(cache.name) takes NARs of up to \(maximum) bytes (max-nar-size)"
            )
        }
    }

    /// Takes a part in place of one of its number.
    ///
    /// - Throws: ``CacheError/conflict(_:)`` when that was unpacked already and is another.
    func take(_ part: ReceivedPart) throws {
        try requireOpen()
        let number = part.place.number
        if let known = parts[number] {
            if known.place == part.place { return }
            guard number >= nextNumber else {
                throw CacheError.conflict(
                    "part \(number) came before with other bytes and is unpacked; begin again"
                )
            }
        }
        parts[number] = part
        unpackAhead()
    }

    /// Makes the NAR a path of its cache, which may be asked for again as long as it has not worked.
    ///
    /// It goes on whoever loses interest.
    ///
    /// - Parameters:
    ///   - list: What its sender has sent; `nil` for whatever came.
    ///   - narInfo: What its sender says of it.
    /// - Throws: ``CacheError``, saying what of it is not so.
    func complete(_ list: PartList?, _ narInfo: NARInfo) async throws {
        if let failure { throw failure }
        if let completion {
            guard completion.of == narInfo else {
                throw CacheError.conflict("this upload is being completed as something else")
            }
            return try await completion.task.value
        }
        if !isStaged {
            guard !parts.isEmpty else { throw CacheError.refused("no part came") }
            if let gap = (1...parts.count).first(where: { parts[$0] == nil }) {
                throw CacheError.refused("part \(gap) did not come")
            }
        }
        try list?.require(parts)
        let task = Task { try await conclude(narInfo) }
        completion = (narInfo, task)
        defer { completion = nil }
        try await task.value
    }

    /// Lets go of all of it.
    func end() {
        if isStaged { named.staged.remove(key) }
        fail(CacheError.notFound)
    }

    private func requireOpen() throws {
        if let failure { throw failure }
        guard !isStaged, completion == nil else {
            throw CacheError.conflict("this upload is being completed; it takes no more parts")
        }
    }

    private func conclude(_ narInfo: NARInfo) async throws {
        if !isStaged { try await unpackAll() }
        try await named.commitOrWait(narInfo, key, into: cache)
    }

    // MARK: Unpacking

    private func unpackAhead() {
        guard unpacking == nil, parts[nextNumber] != nil else { return }
        if nar == nil {
            var ready: UInt64 = 0
            var number = nextNumber
            while ready < Self.worthwhileBytes, let part = parts[number] {
                ready += part.sizeBytes
                number += 1
            }
            guard ready >= Self.worthwhileBytes, let slot = named.multipart.unpackers.takeFree()
            else { return }
            unpacking = Task { await unpack(with: slot) }
        } else {
            unpacking = Task { await unpack(with: nil) }
        }
    }

    private func unpackAll() async throws {
        await unpacking?.value
        let slot = nar == nil ? try await named.multipart.completers.take() : nil
        await unpack(with: slot)
        if let failure { throw failure }
        guard let nar else { throw CacheError.notFound }
        do {
            try await nar.finish()
        } catch {
            throw fail(error)
        }
        // Ended meanwhile.
        if let failure {
            named.staged.remove(key)
            throw failure
        }
        isStaged = true
        self.nar = nil
    }

    /// Unpacks what has come without a gap.
    private func unpack(with slot: UploadSlot?) async {
        do {
            if let slot {
                nar = try await named.beginNAR(key, packedWith: compression, cache, slot)
            }
            while failure == nil, let nar, let bytes = parts[nextNumber]?.bytes {
                parts[nextNumber]?.bytes = nil
                nextNumber += 1
                try await nar.write(bytes)
            }
        } catch {
            fail(error)
        }
        unpacking = nil
    }

    @discardableResult
    private func fail(_ error: any Error) -> CacheError {
        let known = failure ?? error as? CacheError ?? .storageUnavailable(error)
        failure = known
        nar = nil
        parts = [:]
        return known
    }
}
