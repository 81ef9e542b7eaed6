// SPDX-License-Identifier: Apache-2.0
import Glibc
package import NixStore

extension OpenFile {
    package struct NotMade: Error {
        let code: Int32
    }

    /// A file without a name that has these bytes.
    package static func temporary(_ bytes: [UInt8]) throws -> OpenFile {
        // SAFETY: strdup's copy ends with NUL, has room for its own characters, and is freed below.
        guard let name = unsafe strdup("/tmp/firn-test-XXXXXX") else { throw NotMade(code: errno) }
        defer { unsafe free(name) }
        let descriptor = unsafe mkstemp(name)
        guard descriptor >= 0 else { throw NotMade(code: errno) }
        let file = OpenFile(adopting: descriptor, sizeBytes: UInt64(bytes.count))
        unsafe unlink(name)
        let written = unsafe bytes.withUnsafeBytes { buffer in
            unsafe write(descriptor, buffer.baseAddress, buffer.count)
        }
        guard written == bytes.count else { throw NotMade(code: errno) }
        return file
    }
}
