// SPDX-License-Identifier: Apache-2.0
package import Caches
import Glibc
import Synchronization

/// Objects and texts as the files of a standard binary cache directory.
///
/// What is being written lies under `unfinished/` and gets its name when it is whole and on the disk.
package final class DirectoryObjectStore: ObjectStore {
    /// Much more than any narinfo; what is larger was not written by a cache.
    private static let maximumTextBytes = 16 << 20

    let objects: Folder
    let unfinished: Folder
    let uploads: Folder
    private let root: Folder
    private let onStep: @Sendable (DepotStep) throws -> Void
    private let unfinishedFiles = Atomic<UInt64>(0)
    /// Names under `unfinished/` that have a writer.
    private let writing = Mutex<Set<String>>([])
    /// Folders beneath the root that were used, by their paths.
    private let folders = Mutex<[String: Folder]>([:])
    /// Those of them from which something was removed since the last sync.
    private let unsynced = Mutex<Set<String>>([])

    /// Makes the directories that are missing; removes nothing.
    ///
    /// - Parameters:
    ///   - path: The root of the binary cache.
    ///   - onStep: Told of every change of the disk; what it throws fails the operation.
    /// - Throws: The failure of a directory.
    package init(
        _ path: String,
        onStep: @escaping @Sendable (DepotStep) throws -> Void = { _ in }
    ) throws {
        root = try Folder(path)
        objects = try Folder("\(path)/nar")
        unfinished = try Folder("\(path)/unfinished")
        uploads = try Folder("\(path)/uploads")
        self.onStep = onStep
    }

    package func begin(_ key: ObjectKey) throws -> any ObjectWriting {
        let name = unfinishedName(of: "\(key)")
        let writer: ObjectFileWriter
        do {
            let file = try unfinished.create(name)
            writer = ObjectFileWriter(key, name: name, file: file, store: self)
        } catch {
            forget(name)
            throw error
        }
        try onStep(.begun)
        return writer
    }

    package func beginUnnamed() throws -> any ObjectWriting {
        let name = unfinishedName(of: "upload")
        do {
            let file = try unfinished.create(name)
            return ObjectFileWriter(nil, name: name, file: file, store: self)
        } catch {
            forget(name)
            throw error
        }
    }

    package func find(_ key: ObjectKey) throws -> StoredStatus? {
        try objects.find("\(key)")
    }

    package func open(_ key: ObjectKey) throws -> (any ObjectReading)? {
        try objects.open("\(key)")
    }

    package func remove(_ key: ObjectKey) throws { try objects.remove("\(key)") }

    package func remove(_ name: TextName) throws {
        let place = name.place
        try folder(place.folder).remove(place.name)
        if !place.folder.isEmpty { unsynced.withLock { _ = $0.insert(place.folder) } }
    }

    package func sync() throws {
        try root.sync()
        try objects.sync()
        let others = unsynced.withLock { Array($0) }
        for path in others { try folder(path).sync() }
        unsynced.withLock { $0.subtract(others) }
    }

    package func removeLeftover(_ path: String) throws {
        let prefix = "unfinished/"
        guard path.hasPrefix(prefix) else { return }
        try unfinished.remove(String(path.dropFirst(prefix.count)))
    }

    package func removeUnfinished() throws -> Int {
        var count = 0
        try unfinished.forEachName { name, _ in
            try unfinished.remove(name)
            count += 1
        }
        return count
    }

    // MARK: Texts

    package func read(_ name: TextName) throws -> [UInt8]? {
        let place = name.place
        return try Self.read(place.name, in: folder(place.folder))
    }

    package func replace(_ name: TextName, with text: [UInt8]) throws {
        try replace([(name, text)])
    }

    package func replace(_ texts: [(name: TextName, text: [UInt8])]) throws {
        var aside: [(name: String, text: TextName, folder: Folder, file: String)] = []
        defer {
            for (name, _, _, _) in aside { forget(name) }
        }
        do {
            for (text, bytes) in texts {
                let place = text.place
                let folder = try folder(place.folder)
                let name = unfinishedName(of: place.name)
                aside.append((name, text, folder, place.name))
                let file = try unfinished.create(name)
                try unsafe bytes.withUnsafeBytes { try unsafe file.write($0, name: name) }
                // With company, the disk is set to work first and waited for afterwards.
                if texts.count > 1 { file.startSync() } else { try file.sync(name: name) }
            }
            if texts.count > 1 {
                for (name, _, _, _) in aside { try unfinished.sync(name) }
            }
            for (_, text, _, _) in aside { try tell(.narInfoWritten, of: text) }
            for (name, text, folder, file) in aside {
                try unfinished.move(name, to: folder, as: file)
                try tell(.narInfoRenamed, of: text)
            }
        } catch {
            for (name, _, _, _) in aside { try? unfinished.remove(name) }
            throw error
        }
        var synced: Set<String> = []
        for (_, text, folder, _) in aside {
            if synced.insert(folder.path).inserted { try folder.sync() }
            try tell(.narInfoSynced, of: text)
        }
    }

    /// A text of a directory that may not be a depot, or not be there; changes nothing.
    static func read(_ name: TextName, beneath path: String) throws -> [UInt8]? {
        guard unsafe access("\(path)/\(name)", F_OK) == 0 else { return nil }
        return try read("\(name)", in: Folder(path))
    }

    private static func read(_ name: String, in folder: Folder) throws -> [UInt8]? {
        guard let file = try folder.open(name) else { return nil }
        guard file.sizeBytes <= UInt64(maximumTextBytes) else {
            throw DepotError.file(operation: "read", path: "\(folder.path)/\(name)", errno: EFBIG)
        }
        var text = [UInt8](repeating: 0, count: Int(file.sizeBytes))
        _ = try unsafe text.withUnsafeMutableBytes { try unsafe file.read(at: 0, into: $0) }
        return text
    }

    private func tell(_ step: DepotStep, of name: TextName) throws {
        switch name {
        case .narInfo, .ofCache(_, .narInfo): try onStep(step)
        case .cacheInfo, .ofCache: break
        }
    }

    /// A folder beneath the root, made when missing; the root itself for an empty path.
    private func folder(_ path: String) throws -> Folder {
        guard !path.isEmpty else { return root }
        if let known = folders.withLock({ $0[path] }) { return known }
        let folder = try Folder("\(root.path)/\(path)")
        // Its own name has to last as long as what is put into it.
        if let slash = path.lastIndex(of: "/") {
            try self.folder(String(path[..<slash])).sync()
        } else {
            try root.sync()
        }
        // Build traces have a folder for each derivation: too many to keep open.
        if path.count(where: { $0 == "/" }) <= 2 { folders.withLock { $0[path] = folder } }
        return folder
    }

    // MARK: Caches

    package func makeCache(_ name: CacheName) throws {
        let path = "\(TextName.cachesFolder)/\(name)"
        // Narinfos name their objects from where they lie, as in any binary cache.
        try folder(path).link("nar", to: "../../nar")
    }

    package func removeCache(_ name: CacheName) throws {
        let path = "\(TextName.cachesFolder)/\(name)"
        folders.withLock { known in
            known = known.filter { $0.key != path && !$0.key.hasPrefix("\(path)/") }
        }
        try folder(TextName.cachesFolder).removeTree("\(name)")
        try folder(TextName.cachesFolder).sync()
        unsynced.withLock { paths in
            paths = paths.filter { $0 != path && !$0.hasPrefix("\(path)/") }
        }
    }

    package func listCaches() throws -> [CacheName] {
        let caches = "\(root.path)/\(TextName.cachesFolder)"
        guard unsafe access(caches, F_OK) == 0 else { return [] }
        var names: [CacheName] = []
        try folder(TextName.cachesFolder).forEachName { name, _ in
            if let name = try? CacheName(parsing: name) { names.append(name) }
        }
        return names.sorted()
    }

    package func forEachText(
        of cache: CacheName,
        _ body: (CacheText) throws -> Void
    ) throws {
        try forEachText(in: "\(TextName.cachesFolder)/\(cache)") { name in
            if case .text(.ofCache(_, let text)) = name { try body(text) }
        }
    }

    // MARK: Partial objects

    package func openPartial(_ id: PartialID) throws -> any PartialObject {
        try PartialFile(id, in: self)
    }

    package func listPartials() throws -> [(id: PartialID, status: StoredStatus)] {
        var found: [(PartialID, StoredStatus)] = []
        var strays: [String] = []
        try uploads.forEachName { name, _ in
            if let id = PartialID(parsing: name), let status = try uploads.find(name) {
                found.append((id, status))
            } else if let id = PartialFile.owner(ofNotes: name), try uploads.find("\(id)") == nil {
                strays.append(name)
            }
        }
        for name in strays { try uploads.remove(name) }
        return found
    }

    // MARK: Writers

    /// For good after the next ``sync()``.
    func show(_ name: String, as key: ObjectKey) throws {
        try unfinished.move(name, to: objects, as: "\(key)")
        forget(name)
        try onStep(.renamed)
    }

    func syncObjects() throws {
        try objects.sync()
        try onStep(.directorySynced)
    }

    func told(_ step: DepotStep) throws { try onStep(step) }

    func abandon(_ name: String) {
        // A file that cannot be removed is one of the leftovers from now on.
        try? unfinished.remove(name)
        forget(name)
    }

    private func unfinishedName(of name: String) -> String {
        let number = unfinishedFiles.add(1, ordering: .relaxed).newValue
        let unfinished = "\(name).\(number)"
        writing.withLock { _ = $0.insert(unfinished) }
        return unfinished
    }

    private func forget(_ name: String) {
        writing.withLock { _ = $0.remove(name) }
    }

    // MARK: Listing

    package func forEachName(_ body: (StoredName) throws -> Void) throws {
        try objects.forEachName { name, mayBeFile in
            if mayBeFile, let key = try? ObjectKey(parsing: name) {
                try body(.object(key))
            } else {
                try body(.foreign("nar/\(name)"))
            }
        }
        try root.forEachName { name, mayBeFile in
            if mayBeFile, let text = TextName(parsing: name) {
                try body(.text(text))
            } else if !Self.isOfTheDepot(name) {
                try body(.foreign(name))
            }
        }
        for cache in try listCaches() {
            try forEachText(in: "\(TextName.cachesFolder)/\(cache)", body)
        }
        try unfinished.forEachName { name, _ in
            let isWritten = writing.withLock { $0.contains(name) }
            if !isWritten { try body(.leftover("unfinished/\(name)")) }
        }
    }

    /// Texts of a cache lie at most two folders deep beneath its own.
    private func forEachText(
        in path: String,
        depth: Int = 0,
        _ body: (StoredName) throws -> Void
    ) throws {
        var folders: [String] = []
        try folder(path).forEachName { name, mayBeFile in
            let path = "\(path)/\(name)"
            if depth == 0, name == "nar" { return }
            if let text = TextName(parsing: path), mayBeFile {
                try body(.text(text))
            } else if depth < 2, Self.isFolder("\(root.path)/\(path)") {
                folders.append(path)
            } else {
                try body(.foreign(path))
            }
        }
        for path in folders { try forEachText(in: path, depth: depth + 1, body) }
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func isOfTheDepot(_ name: String) -> Bool {
        own.contains(name) || name.hasPrefix("catalog.")
    }

    /// Ours, and the folders of a binary cache that hold no NARs: Nix makes some of them when it
    /// does no more than look.
    private static let own: Set<String> = [
        "nar", "unfinished", "uploads", "lock", "log", "realisations", "build-trace-v2",
        "debuginfo",
        TextName.cachesFolder,
    ]
}
