// SPDX-License-Identifier: Apache-2.0
import Glibc
package import NixStore

extension OpenFile {
    package struct NotMade: Error {
        let code: Int32
    }

    /// A file without a name that has these bytes.
    package static func temporary(_ bytes: [UInt8]) throws -> OpenFile {
        var template = Array("/tmp/firn-test-XXXXXX".utf8CString)
        let descriptor = unsafe template.withUnsafeMutableBufferPointer { name in
            unsafe mkstemp(name.baseAddress)
        }
        guard descriptor >= 0 else { throw NotMade(code: errno) }
        let file = OpenFile(adopting: descriptor, sizeBytes: UInt64(bytes.count))
        _ = unsafe template.withUnsafeBufferPointer { unsafe unlink($0.baseAddress) }
        let written = unsafe bytes.withUnsafeBytes { buffer in
            unsafe write(descriptor, buffer.baseAddress, buffer.count)
        }
        guard written == bytes.count else { throw NotMade(code: errno) }
        return file
    }
}
