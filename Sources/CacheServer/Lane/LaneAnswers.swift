// SPDX-License-Identifier: Apache-2.0
import CacheService
import HTTPTypes
import NIOCore
import NixFormat
import Synchronization

/// What the fast lane can say without waiting for anything; the rest is the framework's.
struct LaneAnswers: Sendable {
    let cache: TieredCache
    let date: HTTPDate
    private let files = LaneFiles()

    init(cache: TieredCache, date: HTTPDate) {
        self.cache = cache
        self.date = date
    }

    enum Reply {
        /// A complete response.
        case response(ByteBuffer)
        /// A whole file, with a head that is complete.
        case file(FileContent, head: ByteBuffer)
        case answer(Answer)
    }

    private static let narInfoTargetBytes = 1 + 32 + 8

    /// - Returns: `nil` when the answer is not in memory, or the request is not for the lane.
    func reply(to request: LaneRequest) -> (kind: EndpointKind, reply: Reply)? {
        if request.target.utf8.count == Self.narInfoTargetBytes,
            request.target.hasSuffix(".narinfo")
        {
            return narInfo(request).map { (.narInfo, $0) }
        }
        guard request.target.hasPrefix("/nar/") else { return named(request) }
        if request.facts.isPlain, let file = files.find(request.target),
            let head = file.wireForm.withLock({ $0 as? ByteBuffer })
        {
            cache.fileWasSentAgain()
            return (.nar, .file(file, head: complete(head, roomFor: 0)))
        }
        guard case .nar(let wanted)? = try? Endpoint(parsing: request.target),
            let answer = cache.knownNAR(wanted)
        else { return nil }
        let facts = request.facts
        if case .file(let file) = answer.content, facts.isPlain {
            let head = head(for: answer, file)
            files.note(file, for: request.target)
            return (.nar, .file(file, head: head))
        }
        return (.nar, .answer(CacheResponder.representation(of: answer).answer(to: facts)))
    }

    private func narInfo(_ request: LaneRequest) -> Reply? {
        guard let hash = try? StorePathHash(parsing: request.target.dropFirst().prefix(32)),
            let answer = cache.knownNARInfo(hash)
        else { return nil }
        let facts = request.facts
        guard facts.isPlain else {
            return .answer(CacheResponder.representation(of: answer).answer(to: facts))
        }
        return .response(response(for: answer))
    }

    /// The response to a plain GET is kept beside the narinfo: head and text, all but the date.
    private func response(for answer: NARInfoAnswer) -> ByteBuffer {
        let head = answer.wireForm.keptHead {
            CacheResponder.representation(of: answer).answer(to: RequestFacts())
        }
        var buffer = complete(head, roomFor: answer.text.count)
        buffer.writeBytes(answer.text)
        return buffer
    }

    /// The head for a whole file is kept beside the open file.
    private func head(for answer: NARAnswer, _ file: FileContent) -> ByteBuffer {
        let head = file.wireForm.keptHead {
            CacheResponder.representation(of: answer).answer(to: RequestFacts())
        }
        return complete(head, roomFor: 0)
    }

    /// All but the date.
    static func head(of answer: Answer) -> ByteBuffer {
        var head = ByteBuffer()
        ResponseHead.write(answer, isChunked: false, into: &head)
        return head
    }

    func complete(_ head: ByteBuffer, roomFor bodyBytes: Int) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: head.readableBytes + bodyBytes + 48)
        buffer.writeImmutableBuffer(head)
        ResponseHead.finish(&buffer, date: date.now)
        return buffer
    }
}

extension Mutex<(any Sendable)?> {
    /// The head that was kept here, or the one of an answer that is made now: all but the date.
    fileprivate func keptHead(of answer: () -> Answer) -> ByteBuffer {
        withLock { kept in
            if let head = kept as? ByteBuffer { return head }
            let head = LaneAnswers.head(of: answer())
            kept = head
            return head
        }
    }
}

extension RequestFacts {
    /// Whether all of it is wanted, whatever the client has already.
    var isPlain: Bool { !isHead && ifNoneMatch == nil && range == nil }
}
