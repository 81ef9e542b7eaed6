// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import FirnAPI
import HTTPTypes
import NIOCore
import NixFormat

extension CacheResponder {
    /// Some 35 bytes for each path.
    private static let largestQuestionBytes = 2 << 20
    /// Ten thousand parts, and as many references as nobody has.
    private static let largestCompletionBytes = 4 << 20
    private static let largestBodyBytes = 64 << 10

    /// Decides on a request of Cachix's interface before its body is read.
    func acceptCachix(
        _ item: CachixItem,
        in name: CacheName,
        _ head: BodyHead,
        _ facts: RequestFacts
    ) async throws -> BodyReply {
        let named = try requireNamedCaches()
        guard head.method == item.method else {
            let allowed = item.method == .get ? "GET, HEAD" : item.method.rawValue
            return .answered(ErrorResponse.methodNotAllowed(allowed))
        }
        guard !head.isEncoded else {
            throw CacheError.malformed("send it without a Content-Encoding")
        }
        if case .part(let id, let place, let key) = item {
            return try await acceptPart(place, key, of: id, in: name, head, named)
        }
        let visitor = try await visitor(facts, of: named)
        let cache = try await known(name, to: visitor, named)
        let body = CollectedBody(upTo: Self.mostBytes(of: item))
        let order = CachixOrder(cache: cache, visitor: visitor, body: body, facts: facts)
        return .body(body) { try await carryOut(item, order, named) }
    }

    /// What allows it is in the URL: no token is shown to who stores parts.
    private func acceptPart(
        _ place: PartPlace,
        _ key: UploadSecret,
        of id: UploadID,
        in name: CacheName,
        _ head: BodyHead,
        _ named: NamedCaches
    ) async throws -> BodyReply {
        let sink = try await named.acceptPart(
            place,
            with: key,
            of: id,
            in: name,
            lengthBytes: head.lengthBytes
        )
        guard head.contentMD5 ?? Base64.encode(place.md5) == Base64.encode(place.md5) else {
            throw CacheError.malformed("Content-MD5 is not the one that was announced")
        }
        return .body(sink) {
            Answer(
                status: .ok,
                headers: [.eTag: "\"\(place.entityTag)\"", .contentLength: "0"]
            )
        }
    }

    /// A request whose body is there.
    private struct CachixOrder: Sendable {
        let cache: NamedCache
        let visitor: Visitor
        let body: CollectedBody
        let facts: RequestFacts

        var name: CacheName { cache.name }
    }

    private static func mostBytes(of item: CachixItem) -> Int {
        switch item {
        case .missingPaths: largestQuestionBytes
        case .completeUpload: largestCompletionBytes
        case .facts, .item, .beginUpload, .announcePart, .part, .abortUpload, .pin, .key:
            largestBodyBytes
        }
    }

    private func carryOut(
        _ item: CachixItem,
        _ order: CachixOrder,
        _ named: NamedCaches
    ) async throws -> Answer {
        let (name, visitor, facts) = (order.name, order.visitor, order.facts)
        switch item {
        case .missingPaths:
            let hashes = try Self.hashes(try order.body.parse(as: [String].self))
            let missing = try await named.findMissing(hashes, in: name, for: visitor)
            return try json(missing.map { "\($0)" }, facts)
        case .beginUpload(let compression):
            let ticket = try await named.beginUpload(
                packedWith: compression,
                into: name,
                by: visitor
            )
            let body = CachixBodies.NewUpload(
                narId: "\(ticket.id)",
                uploadId: ticket.secret.secretText()
            )
            return try json(body, facts)
        case .announcePart(let ticket, let number):
            return try await announce(number, of: ticket, order, named)
        case .completeUpload(let ticket):
            let body = try order.body.parse(as: CachixBodies.Completion.self)
            let narInfo = try body.narInfoCreate.narInfo()
            try await named.completeUpload(ticket, body.list, narInfo, in: name, by: visitor)
        case .abortUpload(let ticket):
            try await named.abortUpload(ticket, in: name, by: visitor)
        case .pin: try await pin(order, named)
        case .key: try refuseKey(order)
        case .facts, .item, .part: throw CacheError.notFound
        }
        return try json(CachixBodies.Nothing(), facts)
    }

    private static func hashes(_ texts: [String]) throws(CacheError) -> [StorePathHash] {
        var hashes: [StorePathHash] = []
        hashes.reserveCapacity(texts.count)
        for text in texts { hashes.append(try Endpoint.hash(text)) }
        return hashes
    }

    private func announce(
        _ number: Int,
        of ticket: UploadTicket,
        _ order: CachixOrder,
        _ named: NamedCaches
    ) async throws -> Answer {
        let check = try order.body.parse(as: CachixBodies.PartCheck.self)
        guard let md5 = try? Base64.decode(check.contentMD5),
            let place = PartPlace(number: number, md5: md5)
        else { throw CacheError.malformed("contentMD5 is no MD5 in base-64") }
        let key = try await named.announce(place, of: ticket, in: order.name, by: order.visitor)
        let target =
            "/api/v1/cache/\(order.name)/multipart-nar/\(ticket.id)/\(number)"
            + "?md5=\(place.entityTag)&key=\(key.secretText())"
        let url = try Self.origin(order.facts) + target
        return try json(CachixBodies.PartURL(uploadUrl: url), order.facts)
    }

    private func pin(_ order: CachixOrder, _ named: NamedCaches) async throws {
        let pin = try order.body.parse(as: CachixBodies.Pin.self)
        guard let path = try? tier.storeDirectory.storePath(parsing: pin.storePath) else {
            throw CacheError.malformed("storePath is no path of \(tier.storeDirectory)")
        }
        _ = try await named.pin(
            path.hash,
            as: pin.name,
            keep: try pin.keeping(),
            in: order.name,
            by: order.visitor
        )
    }

    /// Its clients trust one key, which it was made with; another would be one that nothing is signed by.
    private func refuseKey(_ order: CachixOrder) throws {
        _ = try order.body.parse(as: CachixBodies.Key.self)
        throw CacheError.conflict(
            "cache \(order.name) signs by itself, as \(order.cache.publicKey); it needs no other key"
        )
    }
}
