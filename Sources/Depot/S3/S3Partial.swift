// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization

/// An upload that may go on: a file of this machine until it is whole, then an object of the bucket.
final class S3Partial: PartialObject {
    private let id: PartialID
    private let file: any PartialObject
    private let store: S3ObjectStore

    init(_ id: PartialID, _ file: any PartialObject, store: S3ObjectStore) {
        self.id = id
        self.file = file
        self.store = store
    }

    var have: [Range<UInt64>] { file.have }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
        try store.room.take(upTo: offset + UInt64(bytes.count), for: id)
        try unsafe file.write(bytes, at: offset)
    }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try unsafe file.read(at: offset, into: buffer)
    }

    func finished(sizeBytes: UInt64) throws -> any ObjectWriting {
        Finished(self, try file.finished(sizeBytes: sizeBytes), sizeBytes)
    }

    func remove() throws {
        try file.remove()
        store.room.give(id)
    }

    /// All bytes are there and verified.
    private final class Finished: ObjectWriting {
        private let partial: S3Partial
        private let writer: any ObjectWriting
        private let sizeBytes: UInt64

        init(_ partial: S3Partial, _ writer: any ObjectWriting, _ sizeBytes: UInt64) {
            self.partial = partial
            self.writer = writer
            self.sizeBytes = sizeBytes
        }

        func append(_ bytes: UnsafeRawBufferPointer) throws {
            preconditionFailure("nothing may follow the end")
        }

        func startFinishing() throws {}

        func finish() throws {}

        func publish() throws { preconditionFailure("it was begun without a key") }

        func startShowing(as key: ObjectKey) {}

        func show(as key: ObjectKey) throws {
            try partial.store.show(parts(), as: key)
            // What is left of it now is looked at again at the next start.
            try? partial.remove()
        }

        func abandon() { writer.abandon() }

        /// Each is read twice: for its hash, and when it goes up.
        private func parts() throws -> [S3Body] {
            var parts: [S3Body] = []
            var start: UInt64 = 0
            repeat {
                let size = S3Multipart.partBytes(parts.count, base: partial.store.partBytes)
                let end = min(sizeBytes, start + size)
                let part = S3PartialPart(partial: partial.file, range: start..<end)
                parts.append(.file(part, hash: try part.computeHash()))
                start = end
            } while start < sizeBytes
            return parts
        }
    }
}
