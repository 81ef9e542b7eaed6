// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Glibc
import NixFormat
import NixStore
import Testing

/// Files whose size does not fit into 32 bits.
@Suite struct LargeFileTests {
    private static let contentSizeBytes: UInt64 = (4 << 30) + 5
    private static let pieceBytes = 4 << 20

    /// A file of zeros that takes no space, and what the database would say of it.
    private func withSparseFile(_ body: (String, PathInfo, [UInt8]) throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let file = try directory.write("", to: "sparse")
            try #require(unsafe truncate(file, off_t(Self.contentSizeBytes)) == 0)
            var head: [UInt8] = []
            NARWriter.begin(into: &head)
            NARWriter.beginRegularFile(
                isExecutable: false,
                contentSizeBytes: Self.contentSizeBytes,
                into: &head
            )
            var tail: [UInt8] = []
            NARWriter.endRegularFile(contentSizeBytes: Self.contentSizeBytes, into: &tail)
            let info = PathInfo(
                id: 1,
                path: try StorePath(parsing: "0000000000000000000000000000000a-sparse"),
                narHash: Self.hash(head, tail),
                narSizeBytes: UInt64(head.count + tail.count) + Self.contentSizeBytes
            )
            try body(file, info, tail)
        }
    }

    private static func hash(_ head: [UInt8], _ tail: [UInt8]) -> NixHash {
        var hasher = SHA256Hasher()
        hasher.update(head)
        let zeros = [UInt8](repeating: 0, count: pieceBytes)
        var remaining = contentSizeBytes
        while remaining > 0 {
            let count = Int(min(remaining, UInt64(pieceBytes)))
            hasher.update(count == pieceBytes ? zeros : Array(zeros[..<count]))
            remaining -= UInt64(count)
        }
        hasher.update(tail)
        return hasher.finalize()
    }

    @Test func aSparseFileBeyondFourGiBIsReadAndVerifiedWhole() async throws {
        try await withSparseFile { file, info, _ in
            let reader = try NARReader(info, root: file)
            var buffer = [UInt8](repeating: 0, count: Self.pieceBytes)
            var read: UInt64 = 0
            while true {
                let count = try unsafe buffer.withUnsafeMutableBytes { try unsafe reader.fill($0) }
                guard count > 0 else { break }
                read += UInt64(count)
            }
            #expect(read == info.narSizeBytes)
        }
    }

    @Test func theEndOfSuchAFileIsReadAlone() async throws {
        try await withSparseFile { file, info, tail in
            let end = info.narSizeBytes
            let reader = try NARReader(info, root: file, range: end - UInt64(tail.count) - 3..<end)
            #expect(try reader.readAll() == [0, 0, 0] + tail)
        }
    }
}
