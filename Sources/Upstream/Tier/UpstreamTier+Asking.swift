// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOHTTP1
import NixFormat

/// The head of an answer, after all redirects, with its body still to be read.
struct UpstreamAnswer: Sendable {
    let head: HTTPResponseHead
    let body: Exchange

    var status: Int { Int(head.status.code) }
    /// Whether the body is in some coding: nobody asked for one, and it would change the bytes.
    var isEncoded: Bool {
        head.headers[canonicalForm: "Content-Encoding"].contains { $0.lowercased() != "identity" }
    }
    /// `nil` when it is not told, or not a number.
    var lengthBytes: UInt64? { head.headers.first(name: "Content-Length").flatMap { UInt64($0) } }

    /// The whole body.
    func bytes(atMost limit: Int, until deadline: Instant) async throws(ExchangeFailure) -> [UInt8]
    {
        guard !isEncoded else {
            body.discard()
            throw .malformed("an answer with Content-Encoding")
        }
        guard lengthBytes ?? 0 <= UInt64(limit) else {
            body.cancel()
            throw .malformed("more than \(limit) bytes")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(lengthBytes ?? 0))
        do throws(ExchangeFailure) {
            while let pieces = try await body.next(until: deadline) {
                for piece in pieces { bytes.append(contentsOf: piece.readableBytesView) }
                guard bytes.count <= limit else { throw .malformed("more than \(limit) bytes") }
            }
        } catch {
            body.cancel()
            throw error
        }
        return bytes
    }
}

extension UpstreamTier {
    /// What is asked, but for where.
    struct Question: Sendable {
        var purpose: UpstreamClient.Purpose
        /// Until the head of the answer is there.
        var limit: Instant
        var range: String?
        /// What else is said.
        var fields: [(name: String, value: String)] = []
        /// What is sent with it; `nil` for a mere question.
        var body: [UInt8]?
    }

    /// Asks for one thing, named relative to the address, and follows redirects.
    ///
    /// Redirects lead anywhere on http and https, as Nix follows them: caches keep NARs in other
    /// places. What we know of ourselves stays: no credentials but to the origin they belong to.
    func ask(
        _ reference: String,
        at addressee: Addressee,
        _ question: Question
    ) async throws(ExchangeFailure) -> UpstreamAnswer {
        var url = try resolve(reference, at: addressee.base)
        let home = url.origin
        var seen: Set<HTTPURL> = [url]
        for _ in 0...configuration.limits.redirects {
            let request = Outgoing(
                url: url,
                headers: headers(for: url, from: home, question),
                purpose: question.purpose,
                deadline: question.limit,
                body: question.body
            )
            let (head, body) = try await send(request, to: addressee)
            let loopingNode = head.headers.first(name: "X-Firn-Loop")
            if head.status.code == 508 || loopingNode != nil {
                body.discard()
                let isOurs = loopingNode ?? configuration.nodeID == configuration.nodeID
                throw ExchangeFailure(reason: isOurs ? .loop : .asksBack, blame: .answer)
            }
            guard let next = head.redirect else {
                return UpstreamAnswer(head: head, body: body)
            }
            body.discard()
            do throws(HTTPURL.ParseError) {
                url = try url.resolving(next)
            } catch {
                throw .malformed("a redirect to what is no http or https URL")
            }
            guard seen.insert(url).inserted else { throw .malformed("a redirect in a circle") }
        }
        throw .malformed("more than \(configuration.limits.redirects) redirects")
    }

    /// What another host than the tier's does when it is asked for a NAR says nothing of the tier.
    private func send(
        _ request: Outgoing,
        to addressee: Addressee
    ) async throws(ExchangeFailure) -> (HTTPResponseHead, Exchange) {
        do throws(ExchangeFailure) {
            return try await client.send(request, to: addressee)
        } catch {
            var error = error
            let isElsewhere = request.url.origin != addressee.base.origin
            if isElsewhere, request.purpose == .transfer, error.blame == .address {
                error.blame = .nobody
            }
            throw error
        }
    }

    private func resolve(
        _ reference: String,
        at base: HTTPURL
    ) throws(ExchangeFailure) -> HTTPURL {
        do throws(HTTPURL.ParseError) {
            return try base.resolving(reference)
        } catch {
            throw .malformed("a URL that cannot be asked: \(error)")
        }
    }

    private func headers(
        for url: HTTPURL,
        from home: HTTPURL.Origin,
        _ question: Question
    ) -> HTTPHeaders {
        var headers = HTTPHeaders()
        headers.add(name: "User-Agent", value: client.configuration.userAgent)
        headers.add(name: "X-Firn-Via", value: LoopMark.value(adding: configuration.nodeID))
        for (name, value) in question.fields { headers.add(name: name, value: value) }
        if let range = question.range { headers.add(name: "Range", value: range) }
        let isOurs = configuration.urls.contains { $0.origin == url.origin }
        if isOurs, url.origin == home,
            let authorization = configuration.credentials.authorization(for: url.origin.host)
        {
            headers.add(name: "Authorization", value: authorization)
        }
        return headers
    }
}

extension HTTPResponseHead {
    /// Where the answer sends us; `nil` when it does not.
    fileprivate var redirect: String? {
        guard [301, 302, 303, 307, 308].contains(status.code) else { return nil }
        return headers.first(name: "Location")
    }
}
