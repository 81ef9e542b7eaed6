// SPDX-License-Identifier: Apache-2.0
import Compression
import NixFormat
import StoreTestSupport
import Testing
import Upstream

@testable import CacheService

/// URLs of files that nobody has any more, where somebody has the NAR.
@Suite struct RepackingTests {
    private static let nar: [UInt8] = {
        var state: UInt64 = 7
        return (0..<700_000).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 60)
        }
    }()

    private func cache(_ caches: ScriptedCache...) -> TieredCache {
        .over(
            .over(MemoryStore()),
            tiers: caches.map { RemoteTier($0, .init()) { _ in false } }
        )
    }

    /// A path whose file is packed by one of the methods.
    private func path(_ method: NARCompression, _ nar: [UInt8] = nar) throws -> ScriptedPath {
        var path = try ScriptedPath("a", nar)
        path.file = try pack(nar, method)
        path.narInfo.compression = method
        path.narInfo.fileHash = hash(path.file)
        path.narInfo.fileSizeBytes = UInt64(path.file.count)
        path.narInfo.url = "nar/a.nar.\(method)"
        return path
    }

    private func hash(_ bytes: [UInt8]) -> NixHash {
        var hasher = SHA256Hasher()
        hasher.update(bytes)
        return hasher.finalize()
    }

    private func pack(_ bytes: [UInt8], _ method: NARCompression) throws -> [UInt8] {
        let compressor = try Compressor(method: method)
        var packed: [UInt8] = []
        try unsafe bytes.withUnsafeBytes { try unsafe compressor.update($0, into: &packed) }
        try compressor.finish(into: &packed)
        return packed
    }

    private func unpack(_ bytes: [UInt8], _ method: NARCompression) throws -> [UInt8] {
        var decompressor = try Decompressor(method: method)
        var room = [UInt8](repeating: 0, count: Self.nar.count + 1)
        var count = 0
        try unsafe room.withUnsafeMutableBytes { room in
            count = try unsafe bytes.withUnsafeBytes {
                try unsafe decompressor.decompress($0, into: room).producedBytes
            }
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: room[count...])
            count += try unsafe decompressor.finish(into: rest)
        }
        return Array(room.prefix(count))
    }

    /// The URL of a file that was there once.
    private func request(_ method: NARCompression) throws -> NARRequest {
        let old = try path(.none)
        let file = try #require(PassedFile(fileHash: hash([1]), compression: method))
        return NARRequest(
            storeHash: old.narInfo.storePath.hash,
            narHash: old.narInfo.narHash,
            form: .passed(file)
        )
    }

    @Test(arguments: [NARCompression.xz, .zstd, .bzip2])
    func aFileThatIsGoneIsPackedAgainFromATiersOtherForm(_ method: NARCompression) async throws {
        for form in [NARCompression.none, .xz, .zstd] {
            let cache = cache(ScriptedCache("one", [try path(form)]))
            let answer = try await cache.resolveNAR(request(method))
            #expect(answer?.allowsRanges == false)
            #expect(answer?.entityTag == nil, "these are not the bytes of that file")
            #expect(answer?.tierName == "one")
            let packed = try await cache.read(request(method))
            #expect(try unpack(packed, method) == Self.nar)
        }
    }

    @Test func whatCannotBePackedIsNotHere() async throws {
        let cache = cache(ScriptedCache("one", [try path(.xz)]))
        #expect(try await cache.resolveNAR(request(.br)) == nil)
    }

    @Test func anotherFirnIsToldThatTheFileIsNotHere() async throws {
        let cache = cache(ScriptedCache("one", [try path(.none)]))
        let request = try request(.xz)
        let answer = try await cache.onBehalf(of: ["agent"]) { try await cache.resolveNAR(request) }
        #expect(answer == nil)
    }

    @Test func wrongBytesNeverGetAnEnd() async throws {
        var wrong = try path(.none)
        wrong.file[400_000] ^= 1
        let cache = cache(ScriptedCache("one", [wrong]))
        await #expect(throws: (any Error).self) { try await cache.read(request(.xz)) }
    }

    @Test func theFileItselfGoesBeforeWhatIsMadeInItsPlace() async throws {
        let path = try path(.xz)
        let file = try #require(path.request)
        let other = ScriptedCache("other", [try self.path(.none)])
        let cache = cache(other, ScriptedCache("same", [path]))
        #expect(try await cache.read(file) == path.file)
    }

    @Test func aZstdFormThatWasEvictedIsMadeAgainFromATier() async throws {
        let cache = cache(ScriptedCache("one", [try path(.xz)]))
        let request = NARRequest(
            storeHash: try path(.xz).narInfo.storePath.hash,
            narHash: try path(.xz).narInfo.narHash,
            form: .zstd
        )
        let first = try await cache.read(request)
        #expect(try unpack(first, .zstd) == Self.nar)
        #expect(try await cache.read(request) == first, "the same bytes each time")
        #expect(try first == pack(Self.nar, .zstd))
    }

    @Test func aTierThatHasPutAnotherFileInItsPlaceIsAskedForThat() async throws {
        let old = try path(.xz)
        let cache = ScriptedCache("one", [old])
        let tiered = self.cache(cache)
        _ = try await tiered.resolveNARInfo(old.narInfo.storePath.hash)
        cache.replace(try path(.zstd))
        let request = try #require(old.request)
        // The first who asks finds out; a server asks once more then.
        await #expect(throws: CacheError.self) { try await tiered.read(request) }
        #expect(try unpack(await tiered.read(request), .xz) == Self.nar)
    }
}
