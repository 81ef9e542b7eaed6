// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Small files that were opened before their turn, so that a disk works on many of them at a time.
///
/// Only on while files turn out to come from a disk: with everything in memory it would cost a
/// system call a file and gain nothing.
struct OpenAhead: ~Copyable {
    private static let width = 16
    /// Slower than any file that is in memory, faster than any that is not.
    private static let slowNanoseconds: Int64 = 150_000
    /// After one slow file, so many are opened ahead.
    private static let filesPerSlowOne = 64
    private static let smallBytes: UInt64 = 256 << 10

    private struct Opened {
        let index: Int
        var file: NARWalkFile
    }

    private var opened: [Opened] = []
    private var credit = 0

    var isWanted: Bool { credit > 0 }

    /// - Returns: `nil` when the time of this call tells nothing.
    func startOfTiming(contentBytes: UInt64) -> MonotonicInstant? {
        contentBytes <= Self.smallBytes ? .now : nil
    }

    mutating func endOfTiming(_ start: MonotonicInstant?) {
        guard let start else { return }
        if MonotonicInstant.now.nanoseconds - start.nanoseconds > Self.slowNanoseconds {
            credit = Self.filesPerSlowOne
        }
    }

    /// Opens the regular files that follow in a directory, up to the next entry of another kind.
    mutating func open(from next: Int, in directory: TreeCursor.Directory) {
        credit -= 1
        var index = max(next, (opened.last?.index ?? 0) + 1)
        while opened.count < Self.width, index < directory.entries.count,
            Int(directory.entries.entries[index].type) == DT_REG,
            let file = Self.open(index, in: directory)
        {
            opened.append(Opened(index: index, file: file))
            index += 1
        }
    }

    /// The file at this place, if it was opened before its turn.
    mutating func take(_ index: Int) -> NARWalkFile? {
        guard let first = opened.first, first.index == index else { return nil }
        return opened.removeFirst().file
    }

    /// Gives back the descriptors; the end of its use.
    func closeAll() {
        for opened in opened { close(opened.file.descriptor) }
    }

    /// - Returns: `nil` for anything unusual; its turn will tell what it is.
    private static func open(_ index: Int, in directory: TreeCursor.Directory) -> NARWalkFile? {
        let descriptor = unsafe directory.entries.withName(at: index) { name in
            unsafe openat(
                directory.descriptor,
                name,
                O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC
            )
        }
        guard descriptor >= 0 else { return nil }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            return nil
        }
        posix_fadvise(
            descriptor,
            0,
            Int(min(UInt64(status.st_size), smallBytes)),
            POSIX_FADV_WILLNEED
        )
        return NARWalkFile(descriptor: descriptor, status: status)
    }
}
