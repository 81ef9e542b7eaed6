// SPDX-License-Identifier: Apache-2.0
package import Caches
import Depot
import Logging
package import NixFormat

/// NARs that come in parts, in any order and several at once.
extension NamedCaches {
    private static let largestPartBytes: UInt64 = 5 << 30

    /// The largest file that a NAR of so many bytes is sent as: what cannot be compressed grows.
    static func mostBytes(ofFileFor narBytes: UInt64) -> UInt64 {
        narBytes + narBytes / 64 + 65_536
    }

    /// Starts to take a NAR.
    ///
    /// - Throws: ``CacheError/notFound`` and ``CacheError/notAllowed(_:hasCredentials:)`` as for all
    ///   that is added; ``CacheError/tooMany(_:)`` when too many are open.
    package func beginUpload(
        packedWith compression: NARCompression,
        into name: CacheName,
        by visitor: Visitor
    ) async throws -> UploadTicket {
        let (cache, principal) = try await requirePusher(visitor, of: name)
        guard compression.canBeUnpacked else {
            throw CacheError.malformed("a NAR compressed with \(compression) is not taken")
        }
        _ = try signingKey(of: cache)
        await dropOverdueUploads()
        let upload = MultipartUpload(
            to: cache,
            packedWith: compression,
            by: principal,
            for: self
        )
        try multipart.insert(upload)
        return UploadTicket(id: upload.id, secret: upload.secret)
    }

    /// What allows a part to be sent by whoever has it.
    ///
    /// It ends with the upload, and is the same when it is asked for again.
    package func announce(
        _ place: PartPlace,
        of ticket: UploadTicket,
        in name: CacheName,
        by visitor: Visitor
    ) async throws -> UploadSecret {
        let (_, principal) = try await requirePusher(visitor, of: name)
        return try upload(ticket, in: name, by: principal).secret.key(to: place)
    }

    /// Decides by the head of a request whether a part is taken, and where it goes.
    ///
    /// `lengthBytes` is what it is said to have.
    ///
    /// - Throws: ``CacheError/notFound`` for a key that is not to this part of this upload, also when
    ///   the upload has ended.
    package func acceptPart(
        _ place: PartPlace,
        with key: UploadSecret,
        of id: UploadID,
        in name: CacheName,
        lengthBytes: UInt64?
    ) async throws -> any BodySink {
        guard let upload = multipart.find(id), upload.cache.name == name,
            upload.secret.key(to: place) == key
        else { throw CacheError.notFound }
        let maximum = upload.cache.settings.maximumNARBytes.map(Self.mostBytes)
        let most = min(Self.largestPartBytes, maximum ?? .max)
        guard lengthBytes ?? 0 <= most else {
            throw CacheError.tooLarge("a part has at most \(most) bytes here")
        }
        try await upload.requireRoom(for: place, lengthBytes)
        let share = try await takeShare(of: upload.cache, lengthBytes ?? 0)
        let spool = try await asking { try $0.makeSpool(expectedBytes: lengthBytes) }
        return PartSink(
            place,
            of: upload,
            into: SpooledPart(spool: spool, share: share),
            maximumBytes: most,
            for: self
        )
    }

    /// Makes a NAR that has come in parts a path of the cache.
    ///
    /// What it refers to need not be there: it is verified now, and can be seen when that is.
    ///
    /// `list` has the parts as their sender has them, and is `nil` for whatever came; `narInfo` is what
    /// the sender says of it. URL and compression are filled in here.
    ///
    /// - Throws: ``CacheError``, saying what of it is not so.
    package func completeUpload(
        _ ticket: UploadTicket,
        _ list: PartList?,
        _ narInfo: NARInfo,
        in name: CacheName,
        by visitor: Visitor
    ) async throws {
        let (_, principal) = try await requirePusher(visitor, of: name)
        guard narInfo.narHash.algorithm == .sha256 else {
            throw CacheError.refused("NarHash is not a SHA-256")
        }
        let isKnown = multipart.wasCompleted(ticket, in: name, by: principal, as: narInfo)
        if isKnown { return }
        let upload = try upload(ticket, in: name, by: principal)
        try await upload.complete(list, narInfo)
        multipart.complete(upload, as: narInfo)
    }

    /// Lets go of what has come.
    package func abortUpload(
        _ ticket: UploadTicket,
        in name: CacheName,
        by visitor: Visitor
    ) async throws {
        let (_, principal) = try await requirePusher(visitor, of: name)
        let upload = try upload(ticket, in: name, by: principal)
        multipart.remove(upload.id)
        await upload.end()
    }

    /// Lets go of what was begun, or came, and was not gone on with for too long.
    func dropOverdueUploads() async {
        staged.dropOverdue()
        let count = await multipart.dropOverdue()
        if count > 0 {
            logger.info("dropped uploads that did not go on", metadata: ["count": "\(count)"])
        }
    }

    /// Starts to unpack what has come of an upload.
    func beginNAR(
        _ key: StagedNARs.Key,
        packedWith compression: NARCompression,
        _ cache: NamedCache,
        _ slot: UploadSlot
    ) async throws -> NARUpload {
        try await asking { [self] depot in
            try NARUpload(
                key,
                to: cache,
                packedWith: compression,
                expecting: nil,
                into: try depot.beginUpload(as: configuration.form, expectedBytes: 0),
                shares.empty(of: cache.name),
                slot,
                for: self
            )
        }
    }

    private func upload(
        _ ticket: UploadTicket,
        in name: CacheName,
        by principal: Principal
    ) throws -> MultipartUpload {
        guard let upload = multipart.find(ticket.id), upload.cache.name == name,
            upload.principal == principal, upload.secret == ticket.secret
        else { throw CacheError.notFound }
        return upload
    }

    private func requirePusher(
        _ visitor: Visitor,
        of name: CacheName
    ) async throws -> (NamedCache, Principal) {
        let cache = try await requireVisible(name, to: visitor)
        guard visitor.may(.push, name), let principal = Principal(visitor) else {
            throw CacheError.notAllowed(
                "this needs a token that allows push on \(name)",
                hasCredentials: visitor != .anonymous
            )
        }
        return (cache, principal)
    }
}
