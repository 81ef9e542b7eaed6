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
        let session = WebSession(connections: 1, certificate: .trustedHere)
        let answer = await describe(
            CachixTarget(target, storeDirectory: .standard, session: session)
        )
        await session.shutDown()
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

    private func describe(_ target: CachixTarget) async -> Result<CachixCache, PushTargetError> {
        let limit = limit
        return await withTaskGroup(of: Result<CachixCache, PushTargetError>.self) { group in
            group.addTask {
                do {
                    return .success(try await target.describe())
                } catch let error as PushTargetError {
                    return .failure(error)
                } catch {
                    return .failure(.unreachable(reason: "\(error)"))
                }
            }
            group.addTask {
                try? await Task.sleep(for: limit)
                return .failure(.unreachable(reason: "no answer within \(Quantity.time(limit))"))
            }
            defer { group.cancelAll() }
            return await group.next() ?? .failure(.unreachable(reason: "no answer"))
        }
    }
}
