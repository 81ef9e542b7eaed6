// SPDX-License-Identifier: Apache-2.0
package import NixFormat

extension UpstreamTier {
    package func lookUp(_ hash: StorePathHash) async -> LookUp {
        await lookUp(hash, evenIfDown: false)
    }

    package func lookUpAnyway(_ hash: StorePathHash) async -> LookUp {
        await lookUp(hash, evenIfDown: true)
    }

    private func lookUp(_ hash: StorePathHash, evenIfDown: Bool) async -> LookUp {
        let deadline = Instant.now + configuration.times.lookUp
        let result = await attempt(until: deadline, isLookUp: true, evenIfDown: evenIfDown) {
            addressee throws(ExchangeFailure) in
            try await narInfo(hash, at: addressee, until: deadline)
        }
        switch result {
        case .success(.some(let info)): return .found(info)
        case .success(.none): return .absent
        case .failure(let failure): return .failed(failure)
        }
    }

    /// - Returns: `nil` when the cache says that it has no such path.
    private func narInfo(
        _ hash: StorePathHash,
        at addressee: Addressee,
        until deadline: Instant
    ) async throws(ExchangeFailure) -> NARInfo? {
        let answer = try await ask(
            "\(hash).narinfo",
            at: addressee,
            Question(purpose: .question, limit: deadline)
        )
        guard answer.status == 200 else {
            answer.body.discard()
            if let failure = failure(of: answer) { throw failure }
            return nil
        }
        let bytes = try await answer.bytes(
            atMost: configuration.limits.narInfoBytes,
            until: deadline
        )
        do throws(UpstreamFailure) {
            return try check.check(bytes, for: hash, from: addressee.base)
        } catch {
            throw ExchangeFailure(reason: error, blame: .answer)
        }
    }

    var check: NARInfoCheck {
        NARInfoCheck(trust: configuration.trust, storeDirectory: configuration.storeDirectory)
    }
}
