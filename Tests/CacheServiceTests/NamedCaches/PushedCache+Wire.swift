// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import Compression
import Depot
import Foundation
import NixFormat
import Testing

extension PushedPath {
    /// As Firn packs it, in frames of a MiB.
    func file(level: Int = 3) throws -> [UInt8] {
        var encoder = try SeekableZstdEncoder(level: level, frameSizeBytes: 1 << 20)
        var bytes: [UInt8] = []
        try unsafe nar.withUnsafeBytes { try unsafe encoder.update($0, into: &bytes) }
        try encoder.finish(into: &bytes)
        return bytes
    }

    var question: PathQuestion {
        PathQuestion(
            path: path,
            narHash: narHash,
            narSizeBytes: UInt64(nar.count),
            signedBy: []
        )
    }

    var key: ObjectKey {
        get throws { try ObjectKey(storeHash: hash, narHash: narHash, form: .zstd) }
    }

    func wireNARInfo(_ change: (inout NARInfo) -> Void = { _ in }) throws -> [UInt8] {
        var narInfo = NARInfo(
            storePath: path,
            url: "nar/\(try key)",
            compression: .zstd,
            narHash: narHash,
            narSizeBytes: UInt64(nar.count),
            references: references
        )
        change(&narInfo)
        return narInfo.write(in: .standard)
    }

    /// Bytes that no encoder makes smaller, so that a file has many frames.
    static func large(_ name: String, mebibytes: Int) throws -> PushedPath {
        let hash = try StorePathHash(
            bytes: Array(SHA256Hasher.hash(Array(name.utf8)).digest.prefix(20))
        )
        var state: UInt64 = 88_172_645_463_325_252
        var nar: [UInt8] = []
        nar.reserveCapacity(mebibytes << 20)
        while nar.count < mebibytes << 20 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                nar.append(UInt8(truncatingIfNeeded: state >> shift))
            }
        }
        return PushedPath(path: try StorePath(hash: hash, name: name), nar: nar, references: [])
    }
}

extension PushedCache {
    /// Sends bodies of bundles in pieces as a socket gives them.
    func bundle(
        _ paths: [(path: PushedPath, file: [UInt8])],
        to cache: CacheName? = nil,
        by visitor: Visitor = .owner
    ) async throws -> [String?] {
        var body: [UInt8] = []
        for (path, file) in paths {
            body += Array("\(try path.key) \(path.nar.count) \(file.count)\n".utf8) + file
        }
        let sink = try await caches.bundle(
            into: cache ?? self.cache,
            by: visitor,
            lengthBytes: UInt64(body.count),
            parse: Self.head
        )
        for start in stride(from: 0, to: body.count, by: 1777) {
            try await sink.write(Array(body[start..<min(start + 1777, body.count)]))
        }
        try await sink.finish()
        return sink.results.map(\.refusal)
    }

    static func head(_ line: [UInt8]) -> BundleHead? {
        let words = String(decoding: line, as: UTF8.self).split(separator: " ")
        guard words.count == 3, let narSize = UInt64(words[1]), let fileSize = UInt64(words[2])
        else { return nil }
        return BundleHead(
            name: String(words[0]),
            narSizeBytes: narSize,
            fileSizeBytes: fileSize
        )
    }

    func part(
        _ bytes: ArraySlice<UInt8>,
        of state: LargeUploadState,
        by visitor: Visitor = .owner
    ) async throws {
        let sink = try await caches.part(
            of: state.id,
            from: UInt64(bytes.startIndex),
            lengthBytes: UInt64(bytes.count),
            in: cache,
            by: visitor
        )
        for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: 65_536) {
            try await sink.write(Array(bytes[start..<min(start + 65_536, bytes.endIndex)]))
        }
        try await sink.finish()
    }

    /// Finishes as a client does, which asks again.
    func finish(_ state: LargeUploadState, _ file: [UInt8]) async throws -> LargeUploadEnd {
        while true {
            let end = try await caches.finish(
                state.id,
                fileSizeBytes: UInt64(file.count),
                in: cache,
                by: .owner
            )
            guard case .checking = end else { return end }
        }
    }

    func commit(
        _ texts: [[UInt8]],
        to cache: CacheName? = nil,
        by visitor: Visitor = .owner
    ) async throws -> [CommitResult] {
        try await caches.commit(texts.map { $0[...] }, in: cache ?? self.cache, by: visitor)
            .map(\.result)
    }

    func visible(_ path: PushedPath) throws -> Bool {
        try depot.memberNARInfo(path.hash, in: cache) != nil
    }

    func contents(of path: PushedPath) throws -> [UInt8]? {
        guard let object = try depot.openMember(path.key, in: cache) else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(object.info.sizeBytes))
        _ = try unsafe bytes.withUnsafeMutableBytes { try unsafe object.read(at: 0, into: $0) }
        return bytes
    }

    /// Who may push and nothing else.
    static func pusher(_ id: String, _ caches: String = "*") throws -> Visitor {
        .token(
            AccessToken(
                id: try #require(TokenID(parsing: id)),
                digest: TokenDigest([UInt8](repeating: 1, count: 32)),
                caches: try CachePattern(parsing: caches),
                permissions: .push,
                createdAt: 1
            )
        )
    }
}

extension CommitResult {
    var isThere: Bool { if case .there = self { true } else { false } }
    var isLacking: Bool { if case .lacking = self { true } else { false } }

    var refusal: String? { if case .refused(let reason) = self { reason } else { nil } }
}
