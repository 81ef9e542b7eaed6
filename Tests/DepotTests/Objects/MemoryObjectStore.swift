// SPDX-License-Identifier: Apache-2.0
import Caches
import Depot
import Synchronization

/// Objects and texts in dictionaries: without files, so that whatever needs one shows.
final class MemoryObjectStore: ObjectStore {
    fileprivate struct State {
        var partials: [PartialID: Partial] = [:]
        var objects: [ObjectKey: [UInt8]] = [:]
        var texts: [TextName: [UInt8]] = [:]
        var caches: Set<CacheName> = []
    }

    fileprivate struct Partial {
        var bytes: [UInt8] = []
        var have = RangeList()
        var isFinished = false
    }

    fileprivate let state = Mutex(State())

    func begin(_ key: ObjectKey) throws -> any ObjectWriting { MemoryWriter(key, self) }

    func beginUnnamed() throws -> any ObjectWriting { MemoryWriter(nil, self) }

    func makeCache(_ name: CacheName) throws { state.withLock { _ = $0.caches.insert(name) } }

    func removeCache(_ name: CacheName) throws {
        state.withLock { state in
            state.caches.remove(name)
            state.texts = state.texts.filter { text, _ in
                if case .ofCache(name, _) = text { false } else { true }
            }
        }
    }

    func listCaches() throws -> [CacheName] { state.withLock { $0.caches.sorted() } }

    func forEachText(of cache: CacheName, _ body: (CacheText) throws -> Void) throws {
        for case .ofCache(cache, let text) in state.withLock({ $0.texts.keys }) { try body(text) }
    }

    func find(_ key: ObjectKey) throws -> StoredStatus? {
        state.withLock { $0.objects[key] }
            .map { StoredStatus(sizeBytes: UInt64($0.count), modifiedAt: 1) }
    }

    func open(_ key: ObjectKey) throws -> (any ObjectReading)? {
        state.withLock { $0.objects[key] }.map(MemoryObject.init)
    }

    func remove(_ key: ObjectKey) throws { state.withLock { $0.objects[key] = nil } }

    func read(_ name: TextName) throws -> [UInt8]? { state.withLock { $0.texts[name] } }

    func replace(_ name: TextName, with text: [UInt8]) throws {
        state.withLock { $0.texts[name] = text }
    }

    func remove(_ name: TextName) throws { state.withLock { $0.texts[name] = nil } }

    func replace(_ texts: [(name: TextName, text: [UInt8])]) throws {
        for (name, text) in texts { try replace(name, with: text) }
    }

    func openPartial(_ id: PartialID) throws -> any PartialObject {
        state.withLock { state in
            if state.partials[id] == nil { state.partials[id] = Partial() }
        }
        return MemoryPartial(id: id, store: self)
    }

    func listPartials() throws -> [(id: PartialID, status: StoredStatus)] {
        state.withLock { state in
            state.partials.map { id, partial in
                (id, StoredStatus(sizeBytes: UInt64(partial.bytes.count), modifiedAt: 1))
            }
        }
    }

    func sync() throws {}

    func forEachName(_ body: (StoredName) throws -> Void) throws {
        let names = state.withLock { state in
            state.objects.keys.map(StoredName.object) + state.texts.keys.map(StoredName.text)
        }
        for name in names { try body(name) }
    }

    func removeLeftover(_ path: String) throws {}

    func removeUnfinished() throws -> Int { 0 }

    fileprivate func publish(_ key: ObjectKey, _ bytes: [UInt8]) {
        state.withLock { $0.objects[key] = bytes }
    }
}

private struct MemoryObject: ObjectReading {
    let bytes: [UInt8]
    var sizeBytes: UInt64 { UInt64(bytes.count) }
    var localDescriptor: Int32? { nil }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard offset < sizeBytes else { return 0 }
        let piece = bytes[Int(offset)...].prefix(buffer.count)
        unsafe buffer.copyBytes(from: piece)
        return piece.count
    }
}

private final class MemoryWriter: ObjectWriting {
    private let key: ObjectKey?
    private let store: MemoryObjectStore
    private let bytes = Mutex<[UInt8]>([])

    init(_ key: ObjectKey?, _ store: MemoryObjectStore) {
        self.key = key
        self.store = store
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        let piece = unsafe Array(bytes)
        self.bytes.withLock { $0 += piece }
    }

    func startFinishing() throws {}

    func finish() throws {}

    func publish() throws {
        guard let key else { preconditionFailure("it was begun without a key") }
        try show(as: key)
    }

    func show(as key: ObjectKey) throws { store.publish(key, bytes.withLock { $0 }) }

    func abandon() {}
}

private final class MemoryPartial: PartialObject {
    private let id: PartialID
    private let store: MemoryObjectStore

    init(id: PartialID, store: MemoryObjectStore) {
        self.id = id
        self.store = store
    }

    var have: [Range<UInt64>] { store.state.withLock { $0.partials[id]?.have.ranges ?? [] } }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
        let piece = unsafe Array(bytes)
        try store.state.withLock { state in
            guard var partial = state.partials[id], !partial.isFinished else { throw Gone() }
            for range in partial.have.gaps(in: offset..<offset + UInt64(piece.count)) {
                let lacking = Int(range.upperBound) - partial.bytes.count
                if lacking > 0 { partial.bytes += [UInt8](repeating: 0, count: lacking) }
                partial.bytes.replaceSubrange(
                    Int(range.lowerBound)..<Int(range.upperBound),
                    with: piece[Int(range.lowerBound - offset)..<Int(range.upperBound - offset)]
                )
                partial.have.insert(range)
            }
            state.partials[id] = partial
        }
    }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let piece = store.state.withLock { state -> [UInt8] in
            guard let partial = state.partials[id] else { return [] }
            let end = min(partial.have.end(from: offset), offset + UInt64(buffer.count))
            return Array(partial.bytes[Int(offset)..<Int(end)])
        }
        unsafe buffer.copyBytes(from: piece)
        return piece.count
    }

    func finished(sizeBytes: UInt64) throws -> any ObjectWriting {
        setFinished(true)
        return Finished(partial: self, sizeBytes: sizeBytes)
    }

    private func setFinished(_ isFinished: Bool) {
        store.state.withLock { $0.partials[id]?.isFinished = isFinished }
    }

    func remove() throws { store.state.withLock { $0.partials[id] = nil } }

    private struct Gone: Error {}

    private final class Finished: ObjectWriting {
        private let partial: MemoryPartial
        private let sizeBytes: UInt64

        init(partial: MemoryPartial, sizeBytes: UInt64) {
            self.partial = partial
            self.sizeBytes = sizeBytes
        }

        func append(_ bytes: UnsafeRawBufferPointer) throws {
            preconditionFailure("nothing more comes")
        }

        func startFinishing() throws {}
        func finish() throws {}
        func publish() throws { preconditionFailure("it was begun without a key") }

        func show(as key: ObjectKey) throws {
            let store = partial.store
            guard let known = store.state.withLock({ $0.partials.removeValue(forKey: partial.id) })
            else { throw Gone() }
            store.publish(key, Array(known.bytes.prefix(Int(sizeBytes))))
        }

        func abandon() { partial.setFinished(false) }
    }
}
