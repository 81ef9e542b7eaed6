// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import NIOCore
import NixFormat
import Synchronization

extension LaneAnswers {
    private static let narInfoSuffix = ".narinfo"
    private static let hashBytes = 32

    /// `NAME/HASH.narinfo` and `NAME/nar/…`, where memory has the path and who may read it.
    ///
    /// The rest is the framework's, refusals among it: what is not in memory may be there.
    func named(_ request: LaneRequest) -> (kind: EndpointKind, reply: Reply)? {
        guard let named = cache.named,
            let slash = request.target.utf8.dropFirst().firstIndex(of: UInt8(ascii: "/"))
        else { return nil }
        let facts = request.facts
        var secret: TokenSecret?
        if let field = facts.authorization {
            // What is no token of ours may still be somebody's credentials.
            guard case .token(let token)? = Credentials.find(in: field) else { return nil }
            secret = token
        }
        let name = String(request.target[..<slash].dropFirst())
        guard let known = named.knownReadable(name, showing: secret) else { return nil }
        let item = request.target[slash...].dropFirst()
        if item.hasSuffix(Self.narInfoSuffix) {
            guard item.utf8.count == Self.hashBytes + Self.narInfoSuffix.utf8.count,
                let hash = try? StorePathHash(parsing: item.prefix(Self.hashBytes)),
                let answer = named.knownNARInfo(hash, in: known)
            else { return nil }
            return (.narInfo, reply(answer, facts))
        }
        guard item.hasPrefix("nar/"),
            let wanted = try? NARRequest(parsing: String(item.dropFirst(4)), query: ""),
            let answer = named.knownNAR(wanted, in: known)
        else { return nil }
        return (.nar, reply(answer, facts))
    }

    private func reply(_ answer: NARInfoAnswer, _ facts: RequestFacts) -> Reply {
        let representation = { CacheResponder.representation(of: answer, inNamed: facts) }
        guard facts.isPlain else { return .answer(representation().answer(to: facts)) }
        let head = answer.wireForm.keptHead(for: facts) { representation().answer(to: facts) }
        var buffer = complete(head, roomFor: answer.text.count)
        buffer.writeBytes(answer.text)
        return .response(buffer)
    }

    private func reply(_ answer: NARAnswer, _ facts: RequestFacts) -> Reply {
        let representation = { CacheResponder.representation(of: answer, inNamed: facts) }
        guard case .file(let file) = answer.content, facts.isPlain else {
            return .answer(representation().answer(to: facts))
        }
        let head = file.wireForm.keptHead(for: facts) { representation().answer(to: facts) }
        return .file(file, head: complete(head, roomFor: 0))
    }
}

/// The heads of an answer: who shows a token gets another lifetime.
private struct NamedHeads: Sendable {
    var open: ByteBuffer?
    var closed: ByteBuffer?
}

extension Mutex<(any Sendable)?> {
    /// The head that was kept here for such a request, or the one of an answer that is made now.
    fileprivate func keptHead(for facts: RequestFacts, of answer: () -> Answer) -> ByteBuffer {
        withLock { kept in
            var heads = kept as? NamedHeads ?? NamedHeads()
            let place = facts.authorization == nil ? \NamedHeads.open : \.closed
            if let head = heads[keyPath: place] { return head }
            let head = LaneAnswers.head(of: answer())
            heads[keyPath: place] = head
            kept = heads
            return head
        }
    }
}
