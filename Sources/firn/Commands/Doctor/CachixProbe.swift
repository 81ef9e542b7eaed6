// SPDX-License-Identifier: Apache-2.0
import CacheClient
import NixFormat
import Push

/// Asks Cachix whether it knows a cache and takes a token.
struct CachixProbe: Sendable {
    /// `nil` is Cachix itself.
    let host: TierURL?
    let environment: [String: String]
    let limit: Duration

    /// A token of the environment, and of a netrc file for the cache's host.
    func run(
        _ name: CachixName,
        _ logins: KnownLogins
    ) async -> (facts: CachixFacts, cache: CachixCache?) {
        let variable = environment["CACHIX_AUTH_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
        let login = logins.login(for: "\(name).cachix.org")
        let source = variable != nil ? "$CACHIX_AUTH_TOKEN" : login != nil ? logins.path : nil
        var target = CachixTarget.Configuration(
            name: name,
            token: variable ?? login?.password ?? ""
        )
        target.userAgent = "firn \(Firn.version)"
        if let host { target.host = "\(host)" }
        let configuration = target
        let answer =
            await Bounded.wait(limit) { await Self.describe(configuration) }
            ?? .failure(.unreachable(reason: "no answer within \(Quantity.time(limit))"))
        var facts = CachixFacts(name: "\(name)", tokenSource: source, answer: .known)
        switch answer {
        case .success(let cache): return (facts, cache)
        case .failure(.unreachable(let reason)): facts.answer = .unreachable(reason: reason)
        case .failure(.busy(let reason, _)): facts.answer = .unreachable(reason: reason)
        case .failure(.refused(let reason)), .failure(.rejected(let reason)),
            .failure(.lost(let reason)):
            facts.answer = .refused(reason: reason)
        }
        return (facts, nil)
    }

    private static func describe(
        _ configuration: CachixTarget.Configuration
    ) async -> Result<CachixCache, PushTargetError> {
        let session = WebSession(connections: 1, certificate: .trustedHere)
        let target = CachixTarget(configuration, storeDirectory: .standard, session: session)
        let answer: Result<CachixCache, PushTargetError>
        do {
            answer = .success(try await target.describe())
        } catch let error as PushTargetError {
            answer = .failure(error)
        } catch {
            answer = .failure(.unreachable(reason: "\(error)"))
        }
        await session.shutDown()
        return answer
    }
}
