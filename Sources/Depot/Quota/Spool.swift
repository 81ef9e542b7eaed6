// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization

/// Bytes on their way through: a file without a name in the depot's folder, within its bound.
///
/// Grows at its end, by one thread at a time, and can be read meanwhile by any number of them. Its
/// room is given back when the last one lets it go; nothing of it outlives the process.
package final class Spool: Sendable {
    /// Read-only as far as others are concerned, and to be used with offsets below ``sizeBytes``.
    package var localDescriptor: Int32 { file.number }

    private let file: OwnedDescriptor
    private let depot: NARDepot
    private let written = Atomic<UInt64>(0)
    /// What is reserved, in whole blocks; held while something is appended.
    private let reservedBytes: Mutex<UInt64>

    init(_ file: consuming OwnedDescriptor, reservedBytes: UInt64, depot: NARDepot) {
        self.file = file
        self.depot = depot
        self.reservedBytes = Mutex(reservedBytes)
    }

    deinit {
        // Before the room is given back, and not after, when the descriptor is closed.
        _ = ftruncate(file.number, 0)
        let reserved = reservedBytes.withLock { $0 }
        depot.ledger.release(reserved)
        depot.localRoom?.give(reserved)
    }

    /// How many bytes can be read now.
    package var sizeBytes: UInt64 { written.load(ordering: .acquiring) }

    /// Adds bytes at the end, after making room for them.
    ///
    /// - Throws: `DepotError.full(neededBytes:maximumSizeBytes:)`, `DepotError.diskFull` or
    ///   `DepotError.file(operation:path:errno:)`; what was there before can still be read, and the
    ///   same bytes may be appended again.
    package func append(_ bytes: UnsafeRawBufferPointer) throws {
        try reservedBytes.withLock { reserved in
            let start = written.load(ordering: .relaxed)
            let end = start + UInt64(bytes.count)
            let needed = DiskBlocks.bytes(end)
            if needed > reserved {
                try depot.localRoom?.take(needed - reserved)
                do {
                    try depot.reserve(needed - reserved, towards: needed)
                } catch {
                    depot.localRoom?.give(needed - reserved)
                    throw error
                }
                reserved = needed
            }
            try unsafe file.write(bytes, at: start, name: "spool")
            written.store(end, ordering: .releasing)
        }
    }

    /// Fills the front of a buffer with the bytes at an offset.
    ///
    /// - Returns: How many; fewer than the buffer holds, or 0, where no more have arrived yet.
    package func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let end = sizeBytes
        guard offset < end else { return 0 }
        let wanted = Int(min(UInt64(buffer.count), end - offset))
        let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
        try unsafe file.read(bytes, at: offset, name: "spool")
        return wanted
    }
}

extension NARDepot {
    /// A place for bytes that are passed on while they arrive.
    ///
    /// - Parameter expectedBytes: What will be appended, where it is known: reserved now, so that a
    ///   transfer which does not fit evicts nothing. It may still become more or less.
    /// - Returns: An empty spool, which keeps the depot alive.
    /// - Throws: `DepotError.full(neededBytes:maximumSizeBytes:)`, `DepotError.diskFull`, or a
    ///   failure of the disk.
    package func makeSpool(expectedBytes: UInt64? = nil) throws -> Spool {
        let reserved = DiskBlocks.bytes(expectedBytes ?? 0)
        try localRoom?.take(reserved)
        do {
            try reserve(reserved, towards: reserved)
        } catch {
            localRoom?.give(reserved)
            throw error
        }
        do {
            return Spool(try makeUnnamedFile(), reservedBytes: reserved, depot: self)
        } catch {
            ledger.release(reserved)
            localRoom?.give(reserved)
            throw error
        }
    }

    /// `O_TMPFILE`, a macro that Swift does not see; the same number on every Linux that it runs on.
    private static let unnamedFile = 0o20_000_000 | O_DIRECTORY

    private func makeUnnamedFile() throws -> OwnedDescriptor {
        let folder = "\(configuration.directory)/unfinished"
        let unnamed = unsafe Glibc.open(folder, O_RDWR | O_CLOEXEC | Self.unnamedFile, 0o600)
        if unnamed < 0 && (errno == EOPNOTSUPP || errno == EISDIR) {
            // A file system that cannot do that; what is killed here is a leftover.
            let path = "\(folder)/spool.\(uses.now())"
            let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC
            let named = unsafe Glibc.open(path, flags, 0o600)
            let file = try OwnedDescriptor(named, operation: "create", path: path)
            _ = unsafe unlink(path)
            return file
        }
        return try OwnedDescriptor(unnamed, operation: "create", path: folder)
    }
}
