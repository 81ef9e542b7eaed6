// SPDX-License-Identifier: Apache-2.0
import Depot
import NixFormat
import NixStore

/// A NAR that this machine has, whole and in part, wherever it lies.
///
/// Everything here blocks.
struct LocalNAR: Sendable {
    enum Place: Sendable {
        case store(PathInfo, any LocalStore)
        case depot(OpenObject)
    }

    let storeHash: StorePathHash
    let narHash: NixHash
    let sizeBytes: UInt64
    let place: Place

    init(_ info: PathInfo, in store: any LocalStore) {
        storeHash = info.path.hash
        narHash = info.narHash
        sizeBytes = info.narSizeBytes
        place = .store(info, store)
    }

    /// - Throws: When the object cannot be read.
    init(_ object: OpenObject) throws {
        storeHash = object.info.key.storeHash
        narHash = object.info.key.narHash
        place = .depot(object)
        switch object.info.key.form {
        case .identity: sizeBytes = object.info.sizeBytes
        case .zstd: sizeBytes = try UnpackingSource(object, range: nil).sizeBytes
        }
    }

    /// All of it; the last bytes come only when all were right.
    func open() throws -> any ByteSource {
        switch place {
        case .store(let info, let store): return try store.openNAR(info, range: nil)
        case .depot(let object):
            let source = try Self.source(object, nil)
            return HashedSource(source, narHash: narHash, narSizeBytes: sizeBytes)
        }
    }

    /// All of it, verified.
    ///
    /// - Throws: Also ``TooLarge`` for more than `limitBytes`.
    func read(atMost limitBytes: Int) throws -> [UInt8] {
        guard sizeBytes <= UInt64(limitBytes) else { throw TooLarge(sizeBytes: sizeBytes) }
        let source = try open()
        let bytes = try Self.read(source, Int(sizeBytes))
        // The one more call that tells that nothing follows.
        var rest: [UInt8] = [0]
        guard bytes.count == Int(sizeBytes),
            try unsafe rest.withUnsafeMutableBytes({ try unsafe source.fill($0) }) == 0
        else { throw ShortNAR(readBytes: UInt64(bytes.count), expectedBytes: sizeBytes) }
        return bytes
    }

    /// Parts of it one behind the other, which nobody has verified.
    func read(_ ranges: [Range<UInt64>]) throws -> [UInt8] {
        try unsafe Self.read(ranges) { range, space in
            try unsafe Self.read(part(of: range), into: space)
        }
    }

    /// The same, with what brings a part into its place and says how much came.
    static func read(
        _ ranges: [Range<UInt64>],
        _ body: (Range<UInt64>, UnsafeMutableRawBufferPointer) throws -> Int
    ) throws -> [UInt8] {
        let count = ranges.reduce(0) { $0 + $1.count }
        // In place: a part may take as much as all of them.
        return try unsafe [UInt8](unsafeUninitializedCapacity: max(count, 1)) { space, filled in
            filled = 0
            for range in ranges {
                let part = unsafe UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(space)[filled..<filled + range.count]
                )
                let read = try unsafe body(range, part)
                filled += read
                guard read == range.count else {
                    throw ShortNAR(
                        readBytes: range.lowerBound + UInt64(read),
                        expectedBytes: range.upperBound
                    )
                }
            }
        }
    }

    private func part(of range: Range<UInt64>) throws -> any ByteSource {
        switch place {
        case .store(let info, let store): try store.openNAR(info, range: range)
        case .depot(let object): try Self.source(object, range)
        }
    }

    /// What files it holds, and where in it their contents are.
    func listing() throws -> NARListing {
        if case .store(let info, let store) = place { return try store.listing(info) }
        let source = try open()
        var parser = NARParser()
        var builder = NARListingBuilder()
        while true {
            let piece = try Self.read(source, 1 << 20)
            guard !piece.isEmpty else { break }
            var position = 0
            while let event = try parser.next(in: piece, from: &position) { builder.take(event) }
        }
        try parser.finish()
        return builder.finish()
    }

    struct TooLarge: Error {
        let sizeBytes: UInt64
    }

    private static func source(
        _ object: OpenObject,
        _ range: Range<UInt64>?
    ) throws -> any ByteSource {
        switch object.info.key.form {
        case .identity: ObjectBytes(object, range: range)
        case .zstd: try UnpackingSource(object, range: range)
        }
    }

    /// As many bytes as there are, up to a count.
    static func read(_ source: any ByteSource, _ count: Int) throws -> [UInt8] {
        try unsafe [UInt8](unsafeUninitializedCapacity: max(count, 1)) { space, filled in
            filled = 0
            let wanted = unsafe UnsafeMutableRawBufferPointer(
                rebasing: UnsafeMutableRawBufferPointer(space)[..<count]
            )
            filled = try unsafe read(source, into: wanted)
        }
    }

    /// - Returns: How many bytes came: fewer than there is room for only at the end.
    static func read(
        _ source: any ByteSource,
        into space: UnsafeMutableRawBufferPointer
    ) throws -> Int {
        var count = 0
        while count < space.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: space[count...])
            let read = try unsafe source.fill(rest)
            if read == 0 { break }
            count += read
        }
        return count
    }
}

extension StoreTier {
    /// A NAR of this machine by its two hashes.
    ///
    /// - Returns: `nil` when neither store nor depot has it for everybody.
    func localNAR(_ storeHash: StorePathHash, _ narHash: NixHash) async -> LocalNAR? {
        if let info = try? await resolve(storeHash)?.info, info.narHash == narHash {
            return LocalNAR(info, in: store)
        }
        for form in [NARForm.zstd, .identity] {
            guard let key = try? ObjectKey(storeHash: storeHash, narHash: narHash, form: form),
                let object = await openKept(key)
            else { continue }
            let nar = try? await workers.run(deadline: configuration.lookupDeadline) {
                try LocalNAR(object)
            }
            if let nar { return nar }
        }
        return nil
    }

    private func openKept(_ key: ObjectKey) async -> OpenObject? {
        (try? await open(key)) ?? nil
    }
}
