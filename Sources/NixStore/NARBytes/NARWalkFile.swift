// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The regular file that a walk stands in.
struct NARWalkFile {
    /// -1 when it is not open (yet, or any more).
    var descriptor: Int32
    let sizeBytes: UInt64
    let isExecutable: Bool
    var remainingBytes: UInt64
    /// Where the kernel has been asked to have the contents ready up to.
    private var advisedBytes: UInt64 = 0

    static var none: Self { Self(descriptor: -1, status: stat()) }

    init(descriptor: Int32, status: stat) {
        self.descriptor = descriptor
        sizeBytes = UInt64(status.st_size)
        remainingBytes = sizeBytes
        // Nix looks at the owner's bit alone.
        isExecutable = status.st_mode & S_IXUSR != 0
    }

    mutating func close() {
        guard descriptor >= 0 else { return }
        Glibc.close(descriptor)
        descriptor = -1
    }

    /// Has the disk work on what comes next while the current piece is hashed and sent.
    ///
    /// One call for a window, and none for files that the kernel's own read-ahead takes in one go.
    mutating func adviseAhead() {
        let window = NARWalk.readAheadBytes
        let done = sizeBytes - remainingBytes
        guard sizeBytes > window / 8, done + window / 2 >= advisedBytes, advisedBytes < sizeBytes
        else { return }
        if advisedBytes == 0 { posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL) }
        let start = max(advisedBytes, done)
        posix_fadvise(descriptor, Int(start), Int(window), POSIX_FADV_WILLNEED)
        advisedBytes = start + window
    }
}
