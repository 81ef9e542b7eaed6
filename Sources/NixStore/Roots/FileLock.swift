// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A file that Nix's processes lock with `flock` to agree on something.
///
/// One descriptor has one lock, whichever thread took it: the owner sees to it that only one does.
final class FileLock {
    enum Kind {
        case shared, exclusive
    }

    let descriptor: Int32

    /// - Throws: ``SystemError``.
    init(path: String) throws {
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemError(code: errno) }
    }

    deinit {
        close(descriptor)
    }

    /// Takes the lock if that is possible at once.
    func take(_ kind: Kind) -> Bool {
        flock(descriptor, (kind == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0
    }

    func release() {
        flock(descriptor, LOCK_UN)
    }
}
