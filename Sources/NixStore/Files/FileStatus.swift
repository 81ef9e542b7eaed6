// SPDX-License-Identifier: Apache-2.0
import Glibc

/// What tells one state of a file from another.
struct FileStatus: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64
    let sizeBytes: Int64
    let modifiedNanoseconds: Int64
    let changedNanoseconds: Int64

    /// - Returns: `nil` when there is no such file, or it cannot be reached.
    init?(path: String, followsSymlink: Bool = true) {
        var status = stat()
        let flags = followsSymlink ? 0 : AT_SYMLINK_NOFOLLOW
        guard unsafe fstatat(AT_FDCWD, path, &status, flags) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        sizeBytes = Int64(status.st_size)
        modifiedNanoseconds = Self.nanoseconds(status.st_mtim)
        changedNanoseconds = Self.nanoseconds(status.st_ctim)
    }

    /// Whether something is there, be it a dangling symlink.
    ///
    /// In doubt it is.
    static func exists(_ path: String) -> Bool {
        var status = stat()
        return unsafe fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT
    }

    private static func nanoseconds(_ time: timespec) -> Int64 {
        Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
