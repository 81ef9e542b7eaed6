// SPDX-License-Identifier: Apache-2.0
import Compression
import NixFormat

/// The bytes that unpacked are not the NAR that was promised.
struct NARMismatch: Error {
    let expected: NixHash
    let actual: NixHash
}

/// A NAR out of the file that has come, verified: it ends only when hash and size are right.
final class SpooledNAR: ByteSource, @unchecked Sendable {
    // SAFETY: a ByteSource has one reader at a time, which is all that touches these fields.
    private let file: any ByteSource
    private let narInfo: NARInfo
    private var decompressor: Decompressor
    private var hasher = SHA256Hasher()
    private var sizeBytes: UInt64 = 0
    private var input = [UInt8](repeating: 0, count: 128 << 10)
    private var inputRange = 0..<0
    private var isInputOver = false

    init(_ file: any ByteSource, packed method: NARCompression, as narInfo: NARInfo) throws {
        self.file = file
        self.narInfo = narInfo
        decompressor = try Decompressor(method: method)
    }

    var mayWait: Bool { file.mayWait }

    func ready() async throws { try await file.ready() }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            if inputRange.isEmpty, !isInputOver {
                let count = try unsafe input.withUnsafeMutableBytes { try unsafe file.fill($0) }
                inputRange = 0..<count
                isInputOver = count == 0
            }
            let count = try unsafe step(into: buffer)
            if count > 0 {
                unsafe hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                sizeBytes += UInt64(count)
                return count
            }
            if isInputOver {
                try verify()
                return 0
            }
        }
    }

    private func step(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard !inputRange.isEmpty else {
            return isInputOver ? try unsafe decompressor.finish(into: buffer) : 0
        }
        let progress = try unsafe input.withUnsafeBytes { bytes in
            try unsafe decompressor.decompress(
                UnsafeRawBufferPointer(rebasing: bytes[inputRange]),
                into: buffer
            )
        }
        inputRange = (inputRange.lowerBound + progress.consumedBytes)..<inputRange.upperBound
        return progress.producedBytes
    }

    private func verify() throws {
        let hash = hasher.finalize()
        guard sizeBytes == narInfo.narSizeBytes, hash == narInfo.narHash else {
            throw NARMismatch(expected: narInfo.narHash, actual: hash)
        }
    }
}
