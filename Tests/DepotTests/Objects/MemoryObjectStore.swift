// SPDX-License-Identifier: Apache-2.0
import Caches
import Depot
import Synchronization

/// Objects and texts in dictionaries: without files, so that whatever needs one shows.
final class MemoryObjectStore: ObjectStore {
    private struct State {
        var objects: [ObjectKey: [UInt8]] = [:]
        var texts: [TextName: [UInt8]] = [:]
        var caches: Set<CacheName> = []
    }

    private let state = Mutex(State())

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

    func finish() throws {}

    func publish() throws {
        guard let key else { preconditionFailure("it was begun without a key") }
        try publish(as: key)
    }

    func publish(as key: ObjectKey) throws { store.publish(key, bytes.withLock { $0 }) }

    func abandon() {}
}
