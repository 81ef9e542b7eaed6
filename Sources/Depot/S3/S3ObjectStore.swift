// SPDX-License-Identifier: Apache-2.0
package import Caches
import Dispatch
import Foundation
import Logging
import NixFormat
import Synchronization

/// Objects and texts as those of a standard binary cache in a bucket.
///
/// One depot writes to a place in a bucket; what it has just learned of it is remembered. What is
/// not complete lies on this machine, but for parts of large objects, which no reader of a bucket sees.
package final class S3ObjectStore: ObjectStore {
    /// How long what was learned counts, should somebody else change the bucket.
    private static let memoryLifetime = Duration.seconds(300)

    package let location: S3Location
    /// What may lie on this machine.
    package let room: LocalRoom
    /// Of the first parts of a large object; what is smaller goes up in one piece.
    let partBytes: UInt64
    let client: S3Client
    /// Uploads that may go on, and files on their way up.
    let local: DirectoryObjectStore
    /// Parts of large objects.
    private let parts = S3Workers(atOnce: 6)
    /// Objects that come together.
    let showers = S3Workers(atOnce: 16)
    /// What nobody waits for.
    private let menders = DispatchQueue(label: "firn.s3.menders")

    private let statuses = Mutex(
        BoundedMemory<ObjectKey, S3Status?>(maximumCost: 100_000, lifetime: memoryLifetime)
    )
    /// Counted in bytes.
    private let texts = Mutex(
        BoundedMemory<TextName, [UInt8]?>(maximumCost: 16 << 20, lifetime: memoryLifetime)
    )
    /// Objects that somebody reads.
    private let places = Mutex<[ObjectKey: WeakPlace]>([:])
    private let placeCount = Atomic<UInt64>(0)
    /// Uploads of ours that are neither complete nor given up.
    private let uploading = Mutex<Set<String>>([])
    /// Copies of objects that are gone, for those who read them.
    private let asides = Mutex<Set<String>>([])
    // Held while an object comes, goes, or is opened, or a text is written; one of many, by name.
    private let locks = (0..<1024).map { _ in Stripe() }

    private final class Stripe: Sendable {
        let mutex = Mutex(())
    }

    private struct WeakPlace {
        weak var place: S3Place?
        let number: UInt64
    }

    init(
        client: S3Client,
        folder: String,
        room: LocalRoom,
        partBytes: UInt64
    ) throws {
        self.client = client
        self.room = room
        self.partBytes = partBytes
        location = client.location
        local = try DirectoryObjectStore(folder)
    }

    /// How many requests were made, by their methods.
    package var requestCounts: [String: Int] { client.requestCounts }

    private func withLock<Value: Sendable>(
        _ key: some Hashable,
        _ body: () throws -> Value
    ) rethrows -> Value {
        let stripe = locks[Int(UInt(bitPattern: key.hashValue) % UInt(locks.count))]
        return try stripe.mutex.withLock { _ in try body() }
    }

    private static func name(of key: ObjectKey) -> String { "nar/\(key)" }

    // MARK: Objects

    package func begin(_ key: ObjectKey) throws -> any ObjectWriting {
        try S3ObjectWriter(key, store: self)
    }

    package func beginUnnamed() throws -> any ObjectWriting {
        try S3ObjectWriter(nil, store: self)
    }

    package func find(_ key: ObjectKey) throws -> StoredStatus? {
        try status(of: key).map {
            StoredStatus(sizeBytes: $0.sizeBytes, modifiedAt: $0.modifiedAt)
        }
    }

    private func status(of key: ObjectKey) throws -> S3Status? {
        let (known, generation) = statuses.withLock { ($0.find(key), $0.generation) }
        if let known { return known }
        let status = try client.head(Self.name(of: key))
        statuses.withLock { $0.remember(status, for: key, askedAt: generation) }
        return status
    }

    package func open(_ key: ObjectKey) throws -> (any ObjectReading)? {
        try withLock(key) {
            guard let status = try status(of: key) else { return nil as S3ObjectReader? }
            // Never let go while holding that lock: the last who does takes it.
            if let place = places.withLock({ $0[key]?.place }), place.status == status {
                return S3ObjectReader(place, client: client)
            }
            let number = placeCount.add(1, ordering: .relaxed).newValue
            let place = S3Place(key, status, number: number, store: self)
            places.withLock { $0[key] = WeakPlace(place: place, number: number) }
            return S3ObjectReader(place, client: client)
        }
    }

    package func remove(_ key: ObjectKey) throws {
        try withLock(key) {
            try setAside(key)
            try client.delete(Self.name(of: key))
            statuses.withLock { $0.set(nil, for: key) }
        }
    }

    /// Copies what somebody reads to a name that nobody else uses.
    private func setAside(_ key: ObjectKey) throws {
        guard let place = places.withLock({ $0[key]?.place }) else { return }
        defer { statuses.withLock { $0.forget(key) } }
        if place.status.sizeBytes > 0 {
            let name = "unfinished/\(key).\(UUID().uuidString)"
            asides.withLock { _ = $0.insert(name) }
            do {
                try client.copy(
                    Self.name(of: key),
                    to: name,
                    sizeBytes: place.status.sizeBytes,
                    workers: parts
                )
            } catch S3Problem.failed(404, _) {
                // Somebody else has removed it: there is nothing left to read.
                asides.withLock { _ = $0.remove(name) }
                return
            }
            place.move(to: name)
        }
        forget(key, place.number)
    }

    private func forget(_ key: ObjectKey, _ number: UInt64) {
        places.withLock { places in
            if places[key]?.number == number { places[key] = nil }
        }
    }

    func lastReaderIsGone(_ key: ObjectKey, _ number: UInt64, _ name: String) {
        forget(key, number)
        guard name.hasPrefix("unfinished/") else { return }
        menders.async { [self] in
            // What cannot be removed now is a leftover.
            try? client.delete(name)
            asides.withLock { _ = $0.remove(name) }
        }
    }

    // MARK: Coming

    func beginUpload(_ key: ObjectKey) throws -> S3Multipart {
        let upload = try S3Multipart(Self.name(of: key), client: client, workers: parts)
        uploading.withLock { _ = $0.insert(upload.id) }
        return upload
    }

    /// Stores an object that is whole, in one piece or in several at a time.
    func show(_ parts: [S3Body], as key: ObjectKey) throws {
        if parts.count == 1, let body = parts.first {
            return try withLock(key) {
                try setAside(key)
                let tag = try client.put(Self.name(of: key), body)
                let status = S3Status(
                    sizeBytes: body.sizeBytes,
                    entityTag: tag ?? "",
                    modifiedAt: S3Client.now()
                )
                statuses.withLock { $0.set(status, for: key) }
            }
        }
        let upload = try beginUpload(key)
        do {
            for (number, body) in parts.enumerated() { try upload.add(number, body) }
            try complete(upload, as: key)
        } catch {
            giveUp(upload)
            throw error
        }
    }

    func complete(_ upload: S3Multipart, as key: ObjectKey) throws {
        try upload.wait()
        try withLock(key) {
            try setAside(key)
            let status = try upload.complete()
            statuses.withLock { $0.set(status, for: key) }
        }
        uploading.withLock { _ = $0.remove(upload.id) }
    }

    func giveUp(_ upload: S3Multipart) {
        menders.async { [self] in
            upload.abort()
            uploading.withLock { _ = $0.remove(upload.id) }
        }
    }

    /// Nothing has to be waited for: what has returned is stored.
    package func sync() throws {}

    // MARK: Texts

    package func read(_ name: TextName) throws -> [UInt8]? {
        let (known, generation) = texts.withLock { ($0.find(name), $0.generation) }
        if let known { return known }
        let text = try client.get("\(name)").map { S3CacheText.read($0, name) }
        texts.withLock {
            $0.remember(text, cost: Self.cost(text), for: name, askedAt: generation)
        }
        return text
    }

    package func replace(_ name: TextName, with text: [UInt8]) throws {
        try withLock(name) {
            do {
                try client.put("\(name)", .bytes(S3CacheText.write(text, name)))
            } catch {
                // It may be there or not.
                texts.withLock { $0.forget(name) }
                throw error
            }
            texts.withLock { $0.set(text, cost: Self.cost(text), for: name) }
        }
    }

    package func replace(_ texts: [(name: TextName, text: [UInt8])]) throws {
        for (name, text) in texts { try replace(name, with: text) }
    }

    package func remove(_ name: TextName) throws {
        try withLock(name) {
            texts.withLock { $0.forget(name) }
            try client.delete("\(name)")
            texts.withLock { $0.set(nil, cost: Self.cost(nil), for: name) }
        }
    }

    private static func cost(_ text: [UInt8]?) -> Int { 150 + (text?.count ?? 0) }

    // MARK: Partial objects

    package func openPartial(_ id: PartialID) throws -> any PartialObject {
        S3Partial(id, try local.openPartial(id), store: self)
    }

    package func listPartials() throws -> [(id: PartialID, status: StoredStatus)] {
        let found = try local.listPartials()
        for (id, status) in found { room.adopt(id, sizeBytes: status.sizeBytes) }
        return found
    }

    // MARK: Listing

    package func forEachName(_ body: (StoredName) throws -> Void) throws {
        try client.forEachPage("nar/", isDeep: true) { page in
            remember(page)
            for (name, _) in page.names {
                if let key = try? ObjectKey(parsing: name.dropFirst("nar/".count)) {
                    try body(.object(key))
                } else {
                    try body(.foreign(name))
                }
            }
        }
        try client.forEachPage("", isDeep: false) { page in
            for (name, _) in page.names where name != S3Ownership.name {
                try body(TextName(parsing: name).map(StoredName.text) ?? .foreign(name))
            }
            for folder in page.folders where !Self.own.contains(folder) {
                try body(.foreign(folder))
            }
        }
        try client.forEachPage("\(TextName.cachesFolder)/", isDeep: true) { page in
            for (name, _) in page.names {
                try body(TextName(parsing: name).map(StoredName.text) ?? .foreign(name))
            }
        }
        for path in try leftovers() { try body(.leftover(path)) }
    }

    /// What a page tells need not be asked for when each of it is looked at.
    private func remember(_ page: S3Page) {
        let generation = statuses.withLock { $0.generation }
        for (name, status) in page.names {
            guard let key = try? ObjectKey(parsing: name.dropFirst("nar/".count)) else { continue }
            statuses.withLock { memory in
                guard memory.find(key) == nil else { return }
                memory.remember(status, for: key, askedAt: generation)
            }
        }
    }

    private static let own: Set<String> = [
        "nar/", "unfinished/", "\(TextName.cachesFolder)/", "log/", "realisations/",
        "build-trace-v2/", "debuginfo/",
    ]

    private func leftovers() throws -> [String] {
        var result: [String] = []
        try client.forEachPage("unfinished/", isDeep: true) { page in
            result += page.names.map(\.name)
        }
        let asides = asides.withLock { $0 }
        result.removeAll { asides.contains($0) }
        for (name, id) in try S3Multipart.list("nar/", client) {
            let isOurs = uploading.withLock { $0.contains(id) }
            if !isOurs { result.append("\(name)?uploadId=\(id)") }
        }
        return result
    }

    package func removeLeftover(_ path: String) throws {
        if path.hasPrefix("unfinished/") { return try client.delete(path) }
        guard let range = path.range(of: "?uploadId="), path.hasPrefix("nar/") else { return }
        let id = String(path[range.upperBound...])
        try S3Multipart.abort(String(path[..<range.lowerBound]), id, client)
    }

    package func removeUnfinished() throws -> Int {
        let leftovers = try leftovers()
        for path in leftovers { try removeLeftover(path) }
        return try leftovers.count + local.removeUnfinished()
    }

    // MARK: Caches

    /// A bucket has no folders: that of a cache is there with the first text in it.
    package func makeCache(_ name: CacheName) throws {}

    package func removeCache(_ name: CacheName) throws {
        try client.forEachPage("\(TextName.cachesFolder)/\(name)/", isDeep: true) { page in
            try client.delete(page.names.map(\.name))
        }
        texts.withLock { $0.forgetAll() }
    }

    package func listCaches() throws -> [CacheName] {
        var names: [CacheName] = []
        try client.forEachPage("\(TextName.cachesFolder)/", isDeep: false) { page in
            for folder in page.folders {
                let name = folder.dropFirst(TextName.cachesFolder.count + 1).dropLast()
                if let name = try? CacheName(parsing: name) { names.append(name) }
            }
        }
        return names.sorted()
    }

    package func forEachText(of cache: CacheName, _ body: (CacheText) throws -> Void) throws {
        try client.forEachPage("\(TextName.cachesFolder)/\(cache)/", isDeep: true) { page in
            for (name, _) in page.names {
                guard case .ofCache(_, let text) = TextName(parsing: name) else { continue }
                try body(text)
            }
        }
    }
}
