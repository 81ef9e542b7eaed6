// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A partial object as a file with holes, and notes of what was written to it in a second one.
///
/// - Shape of the notes: 16 bytes for each write, in the order in which they returned: offset and
///   length, little-endian. They follow the bytes, so that they never tell of what was not written;
///   a cut one at the end is of no account.
final class PartialFile: PartialObject {
    private static let noteBytes = 16
    private static let suffix = ".have"

    private let id: PartialID
    private let store: DirectoryObjectStore
    private let file: OwnedDescriptor
    private let notes: OwnedDescriptor
    private let state: Mutex<State>

    private struct State {
        var have: RangeList
        /// What is just being written.
        var claimed = RangeList()
        var isFinished = false
    }

    init(_ id: PartialID, in store: DirectoryObjectStore) throws {
        self.id = id
        self.store = store
        file = try store.uploads.openToWrite("\(id)")
        notes = try store.uploads.openToWrite("\(id)\(Self.suffix)", isAppended: true)
        let sizeBytes = try file.sizeBytes(name: "\(id)")
        let have = try Self.readNotes(notes, "\(id)\(Self.suffix)", sizeBytes)
        state = Mutex(State(have: have))
    }

    /// The object that notes of this name are about.
    static func owner(ofNotes name: String) -> PartialID? {
        name.hasSuffix(suffix) ? PartialID(parsing: name.dropLast(suffix.count)) : nil
    }

    var have: [Range<UInt64>] { state.withLock { $0.have.ranges } }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
        let claims = try state.withLock { state in
            guard !state.isFinished else { throw PartialGone(id: id) }
            let free = state.have.gaps(in: offset..<offset + UInt64(bytes.count))
                .flatMap { state.claimed.gaps(in: $0) }
            for range in free { state.claimed.insert(range) }
            return free
        }
        defer {
            state.withLock { state in
                for range in claims { state.claimed.remove(range) }
            }
        }
        for range in claims {
            let piece = unsafe bytes[
                Int(range.lowerBound - offset)..<Int(range.upperBound - offset)
            ]
            try unsafe file.write(
                UnsafeRawBufferPointer(rebasing: piece),
                at: range.lowerBound,
                name: "\(id)"
            )
            file.startSync(at: range.lowerBound, byteCount: range.count)
            try note(range)
        }
    }

    private func note(_ range: Range<UInt64>) throws {
        var note: [UInt8] = []
        for value in [range.lowerBound, UInt64(range.count)] {
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                note.append(UInt8(truncatingIfNeeded: value >> shift))
            }
        }
        try state.withLock { state in
            try unsafe note.withUnsafeBytes { try unsafe notes.write($0, name: "\(id)") }
            state.have.insert(range)
        }
    }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let end = state.withLock { $0.have.end(from: offset) }
        let count = Int(min(UInt64(buffer.count), end - offset))
        let front = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        try unsafe file.read(front, at: offset, name: "\(id)")
        return count
    }

    func finished(sizeBytes: UInt64) throws -> any ObjectWriting {
        try state.withLock { state in
            guard state.claimed.ranges.isEmpty, !state.isFinished else {
                throw PartialGone(id: id)
            }
            state.isFinished = true
        }
        return Finished(self, sizeBytes)
    }

    func remove() throws {
        try store.uploads.remove("\(id)")
        try store.uploads.remove("\(id)\(Self.suffix)")
    }

    private static func readNotes(
        _ notes: borrowing OwnedDescriptor,
        _ name: String,
        _ sizeBytes: UInt64
    ) throws -> RangeList {
        let length = Int(try notes.sizeBytes(name: name)) / noteBytes * noteBytes
        var text = [UInt8](repeating: 0, count: length)
        try unsafe text.withUnsafeMutableBytes { try unsafe notes.read($0, at: 0, name: name) }
        // What was cut off would make all that follow crooked.
        try notes.truncate(to: UInt64(length), name: name)
        var ranges = RangeList()
        for start in stride(from: 0, to: length, by: noteBytes) {
            let offset = number(text[start..<start + 8])
            let (end, isTooLarge) = offset.addingReportingOverflow(
                number(text[start + 8..<start + 16])
            )
            // After a loss of power, notes may tell of more than there is.
            if !isTooLarge, end <= sizeBytes { ranges.insert(offset..<end) }
        }
        return ranges
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// All bytes are there and verified.
    private final class Finished: ObjectWriting {
        private let partial: PartialFile
        private let sizeBytes: UInt64

        init(_ partial: PartialFile, _ sizeBytes: UInt64) {
            self.partial = partial
            self.sizeBytes = sizeBytes
        }

        func append(_ bytes: UnsafeRawBufferPointer) throws {
            preconditionFailure("nothing may follow the end")
        }

        func startFinishing() throws { partial.file.startSync() }

        func finish() throws {
            try partial.file.truncate(to: sizeBytes, name: "\(partial.id)")
            try partial.file.sync(name: "\(partial.id)")
            try partial.store.told(.fileSynced)
        }

        func publish() throws { preconditionFailure("it was begun without a key") }

        func show(as key: ObjectKey) throws {
            let uploads = partial.store.uploads
            try uploads.move("\(partial.id)", to: partial.store.objects, as: "\(key)")
            try partial.store.told(.renamed)
            // Notes of nothing are removed at the next start, if not now.
            try? uploads.remove("\(partial.id)\(PartialFile.suffix)")
        }

        func abandon() { partial.state.withLock { $0.isFinished = false } }
    }
}
