// SPDX-License-Identifier: Apache-2.0
import NIOCore
package import NixFormat
import Synchronization

extension UpstreamTier {
    package func measureLink(by narInfo: NARInfo) async -> Bool {
        let deadline = Instant.now + configuration.times.narFirstByte
        let network = state.withLock { $0.networks }
        let result = await attempt(until: deadline) {
            addressee throws(ExchangeFailure) -> LinkSample? in
            let last = LinkSample.maximumBytes - 1
            let question = Question(purpose: .transfer, limit: deadline, range: "bytes=0-\(last)")
            let answer = try await ask(narInfo.url, at: addressee, question)
            guard answer.status == 200 || answer.status == 206 else {
                answer.body.discard()
                if let failure = failure(of: answer) { throw failure }
                return nil
            }
            return await sample(answer.body)
        }
        guard case .success(let sample?) = result, let rate = sample.bytesPerSecond,
            // What was measured of another network says nothing of this one.
            state.withLock({ $0.networks }) == network
        else { return false }
        link.learn(bytesPerSecond: rate)
        return true
    }

    /// Ends the exchange, and with it the connection when there is more than was wanted.
    private func sample(_ body: Exchange) async -> LinkSample {
        var sample = LinkSample()
        let end = Instant.now + LinkSample.maximumTime
        do throws(ExchangeFailure) {
            while !sample.isFull, let pieces = try await body.next(until: end) {
                let count = pieces.reduce(0) { $0 + $1.readableBytes }
                note(.received(count))
                sample.note(count, at: .now)
            }
        } catch {
            // The time is up, or the rest does not come: what has come says enough, or nothing.
        }
        body.cancel()
        return sample
    }
}
