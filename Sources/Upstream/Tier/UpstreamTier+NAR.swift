// SPDX-License-Identifier: Apache-2.0
import Logging
import NIOHTTP1
package import NixFormat
import Synchronization

extension UpstreamTier {
    package func openNAR(
        _ narInfo: NARInfo,
        from offset: UInt64,
        onAsk: @escaping @Sendable () -> Void
    ) async throws(UpstreamFailure) -> any NARByteStream {
        let deadline = Instant.now + configuration.times.narFirstByte
        let result = await attempt(until: deadline, onSent: onAsk) {
            addressee throws(ExchangeFailure) -> UpstreamNARStream? in
            let question = Question(
                purpose: .transfer,
                limit: deadline,
                range: offset > 0 ? "bytes=\(offset)-" : nil
            )
            let answer = try await ask(narInfo.url, at: addressee, question)
            let opening = try NAROpening(answer, offset: offset, failure: failure(of:))
            return opening.map { opening in
                UpstreamNARStream(
                    answer.body,
                    opening,
                    expectedBytes: opening.sizeBytes ?? narInfo.fileSizeBytes,
                    stall: configuration.times.narStall,
                    meter: link
                ) { [self] in note($0) }
            }
        }
        switch result {
        case .success(let stream?): return stream
        case .success(nil): throw .narMissing
        case .failure(let failure): throw failure
        }
    }

    package func note(badNAR path: StorePath, _ failure: UpstreamFailure) {
        state.withLock { state in
            state.failures += 1
            state.lastFailure = failure
        }
        logger.warning(
            "tier has a NAR that is not what it says",
            metadata: ["path": "\(path)", "cause": "\(failure)"]
        )
    }

    func note(_ event: UpstreamNARStream.Event) {
        switch event {
        case .received(let bytes):
            state.withLock { $0.narBytes += UInt64(bytes) }
        case .failed(let failure):
            state.withLock { state in
                state.failures += 1
                state.lastFailure = failure
            }
        }
    }
}

/// What the head of an answer with a NAR says about the bytes that follow.
struct NAROpening {
    /// Of the whole file.
    let sizeBytes: UInt64?
    /// Bytes at the start of the body that were not asked for.
    let skippedBytes: UInt64
    /// Where in the file the body starts.
    let firstByte: UInt64

    /// Of a body that is the whole file.
    init(sizeBytes: UInt64?) {
        self.sizeBytes = sizeBytes
        (skippedBytes, firstByte) = (0, 0)
    }

    /// - Returns: `nil` when there is no such NAR.
    init?(
        _ answer: UpstreamAnswer,
        offset: UInt64,
        failure: (UpstreamAnswer) -> ExchangeFailure?
    ) throws(ExchangeFailure) {
        do throws(ExchangeFailure) {
            switch answer.status {
            case 200:
                sizeBytes = answer.lengthBytes
                skippedBytes = offset
                firstByte = 0
            case 206 where offset > 0:
                let text = answer.head.headers.first(name: "Content-Range") ?? ""
                guard let range = ContentRange(parsing: text), range.first == offset,
                    range.total.map({ range.last == $0 - 1 }) ?? true,
                    answer.lengthBytes.map({ $0 == range.last - range.first + 1 }) ?? true
                else { throw .malformed("another range than the one asked for: \(text)") }
                sizeBytes = range.total ?? range.last + 1
                skippedBytes = 0
                firstByte = offset
            default:
                if let failure = failure(answer) { throw failure }
                answer.body.discard()
                return nil
            }
            guard !answer.isEncoded else { throw .malformed("a NAR with Content-Encoding") }
            if let sizeBytes, sizeBytes < offset {
                throw .malformed("\(sizeBytes) bytes, shorter than what is there already")
            }
        } catch {
            answer.body.cancel()
            throw error
        }
    }
}
