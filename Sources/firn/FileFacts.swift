// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// What the file system says of a file.
struct FileFacts {
    /// The bits that `chmod` changes.
    let permissions: mode_t
    let owner: uid_t
    let group: gid_t
    private let kind: mode_t

    private static let followNone: Int32 = 0x100
    private static let emptyPath: Int32 = 0x1000

    var isRegular: Bool { kind == S_IFREG }
    var isFolder: Bool { kind == S_IFDIR }
    var isLink: Bool { kind == S_IFLNK }
    var isPipe: Bool { kind == S_IFIFO }

    /// Fails when there is nothing, or it cannot be seen; `errno` says which.
    init?(of path: String) { self.init(AT_FDCWD, path, flags: 0) }

    /// The same without following a link.
    init?(ofLink path: String) { self.init(AT_FDCWD, path, flags: Self.followNone) }

    init?(of descriptor: Int32) { self.init(descriptor, "", flags: Self.emptyPath) }

    private init?(_ directory: Int32, _ path: String, flags: Int32) {
        var facts = firn_file_facts()
        guard unsafe firn_statx(directory, path, flags, &facts) == 0 else { return nil }
        permissions = mode_t(facts.mode) & 0o7777
        owner = facts.owner
        group = facts.group
        kind = mode_t(facts.mode) & S_IFMT
    }
}
