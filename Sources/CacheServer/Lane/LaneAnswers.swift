// SPDX-License-Identifier: Apache-2.0
import CacheService
import HTTPTypes
import NIOCore
import NixFormat
import Synchronization

/// What the fast lane can say without waiting for anything; the rest is the framework's.
struct LaneAnswers: Sendable {
    let tier: StoreTier
    let date: HTTPDate

    enum Reply {
        /// A complete response.
        case response(ByteBuffer)
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
        guard request.target.hasPrefix("/nar/"),
            case .nar(let wanted)? = try? Endpoint(parsing: request.target),
            let answer = tier.knownNAR(wanted)
        else { return nil }
        return (.nar, .answer(CacheResponder.representation(of: answer).answer(to: request.facts)))
    }

    private func narInfo(_ request: LaneRequest) -> Reply? {
        guard let hash = try? StorePathHash(parsing: request.target.dropFirst().prefix(32)),
            let answer = tier.knownNARInfo(hash)
        else { return nil }
        let facts = request.facts
        guard !facts.isHead, facts.ifNoneMatch == nil, facts.range == nil else {
            return .answer(CacheResponder.representation(of: answer).answer(to: facts))
        }
        return .response(response(for: answer))
    }

    /// The response to a plain GET is kept beside the narinfo: head and text, all but the date.
    private func response(for answer: NARInfoAnswer) -> ByteBuffer {
        let kept = answer.wireForm.withLock { form in
            if let kept = form as? WireForm { return kept }
            let made = WireForm(answer)
            form = made
            return made
        }
        var buffer = ByteBufferAllocator().buffer(
            capacity: kept.head.readableBytes + answer.text.count + 48
        )
        buffer.writeImmutableBuffer(kept.head)
        ResponseHead.finish(&buffer, date: date.now)
        buffer.writeBytes(answer.text)
        return buffer
    }

    private struct WireForm: Sendable {
        let head: ByteBuffer

        init(_ answer: NARInfoAnswer) {
            var head = ByteBuffer()
            let full = CacheResponder.representation(of: answer).answer(to: RequestFacts())
            ResponseHead.write(full, isChunked: false, into: &head)
            self.head = head
        }
    }
}
