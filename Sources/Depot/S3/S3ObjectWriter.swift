// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Foundation
import NixFormat
import Synchronization

/// An object on its way into a bucket.
///
/// Its bytes lie in a file of this machine until they are stored. With a key they go up part by part
/// while more are written, and what is up gives its room back; without one they wait for it.
final class S3ObjectWriter: ObjectWriting {
    private let key: ObjectKey?
    private let store: S3ObjectStore
    private let fileName: String
    private let held: S3HeldRoom
    private let state: Mutex<State>

    private struct State {
        /// `nil` while nothing is to be kept open.
        var file: S3LocalFile?
        var sizeBytes: UInt64 = 0
        /// Of the parts that are complete.
        var parts: [(range: Range<UInt64>, hash: NixHash)] = []
        var hasher = SHA256Hasher()
        var partStart: UInt64 = 0
        var upload: S3Multipart?
        var showing: S3Showing?
        var hasEnded = false
    }

    init(_ key: ObjectKey?, store: S3ObjectStore) throws {
        self.key = key
        self.store = store
        held = S3HeldRoom(store.room)
        fileName = "upload.\(UUID().uuidString)"
        let file = try store.local.unfinished.openToWrite(fileName)
        state = Mutex(State(file: S3LocalFile(file, name: fileName)))
    }

    deinit { abandon() }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        try state.withLock { state in
            guard let file = state.file else { preconditionFailure("nothing may follow the end") }
            guard state.sizeBytes + UInt64(bytes.count) <= S3Multipart.maximumBytes else {
                throw DepotError.full(
                    neededBytes: state.sizeBytes + UInt64(bytes.count),
                    maximumSizeBytes: S3Multipart.maximumBytes
                )
            }
            try held.take(UInt64(bytes.count))
            try unsafe file.write(bytes, at: state.sizeBytes)
            var done = 0
            while done < bytes.count {
                let partBytes = S3Multipart.partBytes(state.parts.count, base: store.partBytes)
                let missing = Int(partBytes - (state.sizeBytes - state.partStart))
                let end = min(bytes.count, done + missing)
                unsafe state.hasher.update(UnsafeRawBufferPointer(rebasing: bytes[done..<end]))
                state.sizeBytes += UInt64(end - done)
                if end - done == missing { try endPart(&state, file) }
                done = end
            }
        }
    }

    private func endPart(_ state: inout State, _ file: S3LocalFile) throws {
        let range = state.partStart..<state.sizeBytes
        let hash = state.hasher.finalize()
        state.parts.append((range, hash))
        state.partStart = state.sizeBytes
        state.hasher = SHA256Hasher()
        guard let key else { return }
        let upload = try state.upload ?? store.beginUpload(key)
        state.upload = upload
        try send(state.parts.count - 1, range, hash, of: file, to: upload)
    }

    private func send(
        _ number: Int,
        _ range: Range<UInt64>,
        _ hash: NixHash,
        of file: S3LocalFile,
        to upload: S3Multipart
    ) throws {
        let part = S3LocalPart(file: file, range: range)
        try upload.add(number, .file(part, hash: hash)) { [held] in
            file.punch(range)
            held.give(UInt64(range.count))
        }
    }

    func startFinishing() throws {
        state.withLock { state in
            if state.upload == nil { state.file = nil }
        }
    }

    func finish() throws {
        try state.withLock { state in
            guard let upload = state.upload, let file = state.file else { return }
            if state.partStart < state.sizeBytes { try endPart(&state, file) }
            try upload.wait()
        }
    }

    func publish() throws {
        guard let key else { preconditionFailure("it was begun without a key") }
        try show(as: key)
    }

    func startShowing(as key: ObjectKey) {
        state.withLock { state in
            guard state.showing == nil, state.upload == nil else { return }
            let showing = S3Showing()
            let contents: [S3Body]
            do {
                contents = try self.contents(state)
            } catch {
                // Whoever shows it tries again, and tells.
                return
            }
            state.showing = showing
            store.showers.run(in: showing.group) { [store] in
                showing.set(Result { try store.show(contents, as: key) })
            }
        }
    }

    func show(as key: ObjectKey) throws {
        try state.withLock { state in
            if let showing = state.showing {
                state.showing = nil
                try showing.wait()
            } else if let upload = state.upload {
                guard key == self.key else {
                    preconditionFailure("it goes up under another key already")
                }
                try store.complete(upload, as: key)
            } else {
                try store.show(contents(state), as: key)
            }
            end(&state)
        }
    }

    /// What is to go up, while nothing of it is there.
    private func contents(_ state: State) throws -> [S3Body] {
        let file = try state.file ?? reopened()
        var parts = state.parts
        if state.partStart < state.sizeBytes || parts.isEmpty {
            parts.append((state.partStart..<state.sizeBytes, state.hasher.finalize()))
        }
        return parts.map { range, hash in
            .file(S3LocalPart(file: file, range: range), hash: hash)
        }
    }

    private func reopened() throws -> S3LocalFile {
        S3LocalFile(try store.local.unfinished.openToWrite(fileName), name: fileName)
    }

    func abandon() {
        state.withLock { state in
            guard !state.hasEnded else { return }
            try? state.showing?.wait()
            if let upload = state.upload { store.giveUp(upload) }
            end(&state)
        }
    }

    private func end(_ state: inout State) {
        state.hasEnded = true
        state.file = nil
        try? store.local.unfinished.remove(fileName)
        held.end()
        state.upload = nil
    }
}

/// What an object takes of this machine until it is up.
private final class S3HeldRoom: Sendable {
    private let room: LocalRoom
    private let bytes = Mutex<UInt64?>(0)

    init(_ room: LocalRoom) { self.room = room }

    func take(_ count: UInt64) throws {
        try room.take(count)
        bytes.withLock { $0? += count }
    }

    func give(_ count: UInt64) {
        bytes.withLock { bytes in
            guard let held = bytes else { return }
            room.give(count)
            bytes = held - count
        }
    }

    /// Gives all that is left; parts that are still on their way give nothing more.
    func end() {
        bytes.withLock { bytes in
            if let held = bytes { room.give(held) }
            bytes = nil
        }
    }
}

/// An object that is just being shown by another thread.
final class S3Showing: Sendable {
    let group = DispatchGroup()
    private let result = Mutex<Result<Void, any Error>?>(nil)

    func set(_ result: Result<Void, any Error>) { self.result.withLock { $0 = result } }

    func wait() throws {
        group.wait()
        try result.withLock { try $0?.get() }
    }
}
