// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Files whose names are bytes, which Foundation cannot make.
enum FileMaker {
    struct Failure: Error {
        let path: String
        let code: Int32
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        try write(bytes, to: Array(path.utf8))
    }

    static func write(_ bytes: [UInt8], to path: [UInt8]) throws {
        let descriptor = unsafe path.withPath {
            unsafe open($0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        }
        try check(descriptor < 0 ? -1 : 0, path)
        defer { close(descriptor) }
        let count = unsafe Glibc.write(descriptor, bytes, bytes.count)
        try check(count == bytes.count ? 0 : -1, path)
    }

    /// Changes one byte in the middle of a file and nothing else about it.
    static func flipByte(in path: String, at offset: Int) throws {
        let descriptor = unsafe open(path, O_RDWR | O_CLOEXEC)
        try check(descriptor < 0 ? -1 : 0, Array(path.utf8))
        defer { close(descriptor) }
        var byte: UInt8 = 0
        unsafe pread(descriptor, &byte, 1, offset)
        byte ^= 1
        unsafe pwrite(descriptor, &byte, 1, offset)
    }
}

func check(_ code: Int32, _ path: [UInt8]) throws {
    guard code != 0 else { return }
    throw FileMaker.Failure(path: String(decoding: path, as: UTF8.self), code: errno)
}

extension [UInt8] {
    func withPath<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
        try unsafe (self + [0]).withUnsafeBytes { bytes in
            try unsafe body(bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self))
        }
    }
}
