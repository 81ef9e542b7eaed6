// SPDX-License-Identifier: Apache-2.0
package import NixFormat

extension UpstreamTier {
    package func lookUp(_ hash: StorePathHash) async -> LookUp {
        let deadline = Instant.now + configuration.times.lookUp
        let result = await attempt(until: deadline, about: hash) {
            base throws(ExchangeFailure) in
            try await narInfo(hash, at: base, for: .question, until: deadline)
        }
        switch result {
        case .success(.some(let info)): return .found(info)
        case .success(.none): return .absent
        case .failure(let failure): return .failed(failure)
        }
    }

    /// - Returns: `nil` when the cache says that it has no such path.
    func narInfo(
        _ hash: StorePathHash,
        at base: HTTPURL,
        for purpose: UpstreamClient.Purpose,
        until deadline: Instant
    ) async throws(ExchangeFailure) -> NARInfo? {
        let answer = try await ask(
            resolve("\(hash).narinfo", at: base),
            Question(purpose: purpose, limit: deadline)
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
            return try check.check(bytes, for: hash, from: base)
        } catch {
            throw ExchangeFailure(reason: error, blame: .nobody)
        }
    }

    var check: NARInfoCheck {
        NARInfoCheck(trust: configuration.trust, storeDirectory: configuration.storeDirectory)
    }

    func resolve(
        _ reference: String,
        at base: HTTPURL
    ) throws(ExchangeFailure) -> HTTPURL {
        do throws(HTTPURL.ParseError) {
            return try base.resolving(reference)
        } catch {
            throw .malformed("a URL that cannot be asked: \(error)")
        }
    }
}
