// SPDX-License-Identifier: Apache-2.0
package import CacheService
import Glibc

extension ByteSource {
    /// Everything that comes, in pieces of this size.
    package func readToEnd(bufferBytes: Int) throws -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: bufferBytes)
        while true {
            let count = try unsafe buffer.withUnsafeMutableBytes { try unsafe fill($0) }
            all += buffer.prefix(count)
            if count < bufferBytes { return all }
        }
    }
}

extension FileContent {
    package struct NotRead: Error {
        let code: Int32
    }

    /// A stretch of the file, as the kernel would send it.
    package func read(_ range: Range<UInt64>) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(range.upperBound - range.lowerBound))
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe pread(descriptor, buffer.baseAddress, buffer.count, Int(range.lowerBound))
        }
        guard count == bytes.count else { throw NotRead(code: errno) }
        return bytes
    }
}

extension Content {
    /// All of it.
    package func readToEnd() throws -> [UInt8] {
        switch self {
        case .bytes(let bytes): bytes
        case .file(let file): try file.read(0..<file.sizeBytes)
        case .source(sizeBytes: _, let open): try open(nil).readToEnd(bufferBytes: 777)
        }
    }
}
