// SPDX-License-Identifier: Apache-2.0
// Without Foundation: with both in one file, compilers do not agree whose `stat` it is.
import Glibc

/// What the file system says of a file.
struct FileFacts {
    private let status: stat

    var permissions: mode_t { status.st_mode & 0o7777 }
    var owner: uid_t { status.st_uid }
    var group: gid_t { status.st_gid }
    var isRegular: Bool { kind == S_IFREG }
    var isFolder: Bool { kind == S_IFDIR }
    var isLink: Bool { kind == S_IFLNK }
    var isPipe: Bool { kind == S_IFIFO }

    private var kind: mode_t { status.st_mode & S_IFMT }

    /// - Returns: `nil` when there is nothing, or it cannot be seen; `errno` says which.
    init?(of path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        self.status = status
    }

    /// The same without following a link.
    init?(ofLink path: String) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return nil }
        self.status = status
    }

    init?(of descriptor: Int32) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return nil }
        self.status = status
    }
}
