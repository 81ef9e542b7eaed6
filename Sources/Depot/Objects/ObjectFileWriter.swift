// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// An object on its way into a directory.
final class ObjectFileWriter: ObjectWriting {
    private let key: ObjectKey?
    private let name: String
    /// `nil` when nothing more comes.
    private let file: Mutex<OwnedDescriptor?>
    private let store: DirectoryObjectStore
    private let hasEnded = Atomic(false)

    init(
        _ key: ObjectKey?,
        name: String,
        file: consuming OwnedDescriptor,
        store: DirectoryObjectStore
    ) {
        self.key = key
        self.name = name
        self.file = Mutex(file)
        self.store = store
    }

    deinit { abandon() }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        try file.withLock { file in
            guard file != nil else { preconditionFailure("nothing may follow the end") }
            try unsafe file?.write(bytes, name: name)
        }
        try store.told(.written)
    }

    func startFinishing() throws {
        file.withLock { file in
            file?.startSync()
            file = nil
        }
    }

    func finish() throws {
        let isOpen = try file.withLock { file in
            guard file != nil else { return false }
            try file?.sync(name: name)
            return true
        }
        if !isOpen { try store.unfinished.sync(name) }
        try store.told(.fileSynced)
    }

    func publish() throws {
        guard let key else { preconditionFailure("it was begun without a key") }
        try show(as: key)
        try store.syncObjects()
    }

    func show(as key: ObjectKey) throws {
        try store.show(name, as: key)
        hasEnded.store(true, ordering: .relaxed)
    }

    func abandon() {
        guard !hasEnded.exchange(true, ordering: .relaxed) else { return }
        store.abandon(name)
    }
}
