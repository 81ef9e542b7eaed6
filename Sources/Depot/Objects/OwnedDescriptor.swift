// SPDX-License-Identifier: Apache-2.0
import CLinux
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

    /// Appends all bytes.
    func write(_ bytes: UnsafeRawBufferPointer, name: String) throws(DepotError) {
        var done = 0
        while done < bytes.count, let base = bytes.baseAddress {
            let count = retryingInterrupts {
                unsafe Glibc.write(number, base + done, bytes.count - done)
            }
            guard count >= 0 else { throw .fromErrno("write", name) }
            done += count
        }
    }

    /// Writes all bytes at an offset.
    func write(
        _ bytes: UnsafeRawBufferPointer,
        at offset: UInt64,
        name: String
    ) throws(DepotError) {
        var done = 0
        while done < bytes.count, let base = bytes.baseAddress {
            let count = retryingInterrupts {
                unsafe pwrite(number, base + done, bytes.count - done, Int(offset) + done)
            }
            guard count >= 0 else { throw .fromErrno("write", name) }
            done += count
        }
    }

    /// Fills the whole buffer with the bytes at an offset.
    ///
    /// - Throws: `EIO` when the file ends before: it was cut short behind our back, which is never to
    ///   be taken for its end.
    func read(
        _ buffer: UnsafeMutableRawBufferPointer,
        at offset: UInt64,
        name: String
    ) throws(DepotError) {
        var done = 0
        while done < buffer.count, let base = buffer.baseAddress {
            let count = retryingInterrupts {
                unsafe pread(number, base + done, buffer.count - done, Int(offset) + done)
            }
            guard count >= 0 else { throw .fromErrno("read", name) }
            guard count > 0 else { throw .file(operation: "read", path: name, errno: EIO) }
            done += count
        }
    }

    /// How long the file is now.
    func sizeBytes(name: String) throws(DepotError) -> UInt64 {
        var status = stat()
        guard unsafe fstat(number, &status) == 0 else { throw .fromErrno("stat", name) }
        return UInt64(status.st_size)
    }

    func truncate(to sizeBytes: UInt64, name: String) throws(DepotError) {
        guard retryingInterrupts({ Int(ftruncate(number, Int(sizeBytes))) }) == 0 else {
            throw .fromErrno("truncate", name)
        }
    }

    /// Has the disk begin to write what it has to, without waiting for it: a hint, which may fail.
    ///
    /// `byteCount`: 0 for all to the end.
    func startSync(at offset: UInt64 = 0, byteCount: Int = 0) {
        _ = firn_start_writing(number, Int64(offset), Int64(byteCount))
    }

    /// Waits until all bytes are on the disk.
    func sync(name: String) throws(DepotError) {
        guard retryingInterrupts({ Int(fsync(number)) }) == 0 else {
            throw .fromErrno("fsync", name)
        }
    }
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
