// SPDX-License-Identifier: Apache-2.0
import Glibc

/// How much more fits on a disk.
enum FreeSpace {
    struct Unknown: Error {
        /// `errno` of the call.
        let code: Int32
    }

    /// Bytes that this process may still write to the file system of a directory.
    static func bytes(at directory: String) throws -> UInt64 {
        var status = statvfs()
        guard unsafe statvfs(directory, &status) == 0 else { throw Unknown(code: errno) }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }
}
