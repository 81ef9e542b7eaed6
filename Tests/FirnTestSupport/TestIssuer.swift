// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// An issuer of identities on loopback, with its discovery and its keys.
package final class TestIssuer: Sendable {
    /// Its own name, which its tokens have in `iss`.
    package let url: String
    private let keys: Mutex<[(key: TestIdentityKey, algorithm: String?)]>
    private let count = Mutex(0)

    /// The keys that it tells of from now on.
    package func publish(_ keys: [(key: TestIdentityKey, algorithm: String?)]) {
        self.keys.withLock { $0 = keys }
    }

    /// How often its keys were asked for.
    package var keyRequests: Int { count.withLock { $0 } }

    /// A token of one of its jobs, to be changed and signed.
    package func token() -> TestIdentityToken {
        .ofJob(issuer: url, now: Int(Date().timeIntervalSince1970))
    }

    fileprivate init(url: String, _ key: TestIdentityKey) {
        self.url = url
        keys = Mutex([(key, "RS256")])
    }

    fileprivate func reply(to target: String) -> ScriptedServer.Reply {
        switch target {
        case "/.well-known/openid-configuration":
            return .json("{\"issuer\":\"\(url)\",\"jwks_uri\":\"\(url)/keys\"}")
        case "/keys":
            count.withLock { $0 += 1 }
            let keys = keys.withLock { $0 }
            let entries = keys.compactMap { try? $0.key.jwk(algorithm: $0.algorithm) }
            guard let text = try? TestJSON.object(["keys": .list(entries)]).encoded else {
                return .notFound
            }
            return .json(String(decoding: text, as: UTF8.self))
        default:
            return .notFound
        }
    }
}

/// Runs an issuer that signs with `key` for the time of one closure.
package func withTestIssuer<Value>(
    _ key: TestIdentityKey,
    _ body: (TestIssuer) async throws -> Value
) async throws -> Value {
    // Its name is its address, which is known when it listens.
    let issuer = Mutex<TestIssuer?>(nil)
    return try await withScriptedServer { request in
        issuer.withLock { $0 }?.reply(to: request.target) ?? .notFound
    } _: { server in
        // By name: an address in a log is taken for the one that Firn listens on.
        let url = server.url.replacing("127.0.0.1", with: "localhost")
        let made = TestIssuer(url: url, key)
        issuer.withLock { $0 = made }
        return try await body(made)
    }
}
