// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A file descriptor that is closed when it is let go.
struct OwnedDescriptor: ~Copyable, Sendable {
    let number: Int32

    /// Takes over what a call such as `open` returned.
    ///
    /// - Throws: `DepotError` made of `errno` when the call failed.
    init(_ number: Int32, operation: String, path: String) throws(DepotError) {
        guard number >= 0 else { throw .fromErrno(operation, path) }
        self.number = number
    }

    deinit { close(number) }
}

extension DepotError {
    /// The failure of the system call just made.
    static func fromErrno(_ operation: String, _ path: String) -> DepotError {
        switch errno {
        case ENOSPC, EDQUOT: .diskFull
        default: .file(operation: operation, path: path, errno: errno)
        }
    }
}

/// Repeats a system call for as long as a signal interrupts it.
func retryingInterrupts(_ call: () -> Int) -> Int {
    while true {
        let result = call()
        guard result == -1, errno == EINTR else { return result }
    }
}
