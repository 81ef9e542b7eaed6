// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// A folder for the sockets of ssh, of this process alone.
///
/// Its lock tells that the process lives; what killed ones left goes when the next one is made.
final class SocketFolder: Sendable {
    let path: String
    private let lock: Int32

    // Sockets have short names, and the folder of a user's temporary files may have a long one.
    private static let home = "/tmp"
    private static let prefix = "firn-ssh-"

    init?() {
        Self.sweep()
        var template = Array("\(Self.home)/\(Self.prefix)XXXXXX".utf8CString)
        let made = unsafe template.withUnsafeMutableBufferPointer { buffer -> String? in
            guard let base = buffer.baseAddress, let made = unsafe mkdtemp(base) else { return nil }
            return unsafe String(cString: made)
        }
        guard let made else { return nil }
        path = made
        lock = unsafe open("\(made)/.new", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        // Under its name it is locked from the beginning.
        if lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 {
            _ = unsafe rename("\(made)/.new", "\(made)/.lock")
        }
    }

    deinit { if lock >= 0 { close(lock) } }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// Takes away the folders of this user whose process has ended.
    private static func sweep() {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: home)) ?? []
        for name in names where name.hasPrefix(prefix) {
            let folder = "\(home)/\(name)"
            var facts = stat()
            guard unsafe lstat(folder, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR,
                facts.st_uid == geteuid()
            else { continue }
            let lock = unsafe open("\(folder)/.lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
            guard lock >= 0 else { continue }
            if flock(lock, LOCK_EX | LOCK_NB) == 0 {
                try? FileManager.default.removeItem(atPath: folder)
            }
            close(lock)
        }
    }
}
