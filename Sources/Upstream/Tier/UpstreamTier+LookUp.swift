// SPDX-License-Identifier: Apache-2.0
package import NixFormat

extension UpstreamTier {
    package func lookUp(_ hash: StorePathHash) async -> LookUp {
        let deadline = Instant.now + configuration.times.lookUp
        let result = await attempt(until: deadline, isLookUp: true) {
            base throws(ExchangeFailure) in
            let question = Question(purpose: .question, limit: deadline) { [self] in isUsable(base)
            }
            return try await narInfo(hash, at: base, question)
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
        _ question: Question
    ) async throws(ExchangeFailure) -> NARInfo? {
        let answer = try await ask(resolve("\(hash).narinfo", at: base), question)
        guard answer.status == 200 else {
            answer.body.discard()
            if let failure = failure(of: answer) { throw failure }
            return nil
        }
        let bytes = try await answer.bytes(
            atMost: configuration.limits.narInfoBytes,
            until: question.limit
        )
        do throws(UpstreamFailure) {
            return try check.check(bytes, for: hash, from: base)
        } catch {
            throw ExchangeFailure(reason: error, blame: .answer)
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
