// SPDX-License-Identifier: Apache-2.0
import CacheClient
import Caches
import Foundation
import Glibc
import NixStore
import Push

extension CacheAccessOptions {
    /// The way to the cache, open for the time of the body.
    func withTarget<Value>(
        _ cache: PushCacheReference,
        _ store: NixLocalStore,
        signingKeyFile: String? = nil,
        connections: Int,
        _ body: (any PushTarget) async throws -> Value
    ) async throws -> Value {
        switch cache {
        case .cachix(let name):
            try await withCachix(
                name,
                store,
                signingKeyFile: signingKeyFile,
                connections: connections
            ) { try await body($0) }
        case .firn(let name, let server):
            try await withFirn(name, server, store, connections: connections, body)
        }
    }

    func withCachix<Value>(
        _ name: CachixName,
        _ store: NixLocalStore,
        signingKeyFile: String? = nil,
        connections: Int,
        _ body: (CachixTarget) async throws -> Value
    ) async throws -> Value {
        let secrets = try PushSecrets(
            tokenFile: tokenFile,
            signingKeyFile: signingKeyFile,
            environment: ProcessInfo.processInfo.environment
        )
        for warning in secrets.warnings { StandardError.write("firn: warning: \(warning)") }
        var configuration = CachixTarget.Configuration(name: name, token: secrets.token)
        configuration.signingKey = secrets.signingKey
        configuration.userAgent = "firn \(Firn.version)"
        if let host { configuration.host = try Self.checked(host, "--host").description }
        return try await Self.withSession(connections) { session in
            try await body(
                CachixTarget(configuration, storeDirectory: store.directory, session: session)
            )
        }
    }

    private func withFirn<Value>(
        _ name: CacheName,
        _ server: TierURL?,
        _ store: NixLocalStore,
        connections: Int,
        _ body: (any PushTarget) async throws -> Value
    ) async throws -> Value {
        var configuration = FirnPushTarget.Configuration(
            address: try address(of: server),
            cache: "\(name)",
            token: try server.map { _ in try token() }
        )
        configuration.userAgent = "firn \(Firn.version)"
        return try await Self.withSession(connections) { session in
            try await body(
                FirnPushTarget(configuration, storeDirectory: store.directory, session: session)
            )
        }
    }

    private func address(of server: TierURL?) throws -> FirnAddress {
        guard let server else { return .unix(path: try self.configuration().controlSocket) }
        return .web(url: server.description, certificate: .trustedHere)
    }

    private func token() throws -> String {
        let source = TokenSource(
            file: tokenFile,
            environment: ProcessInfo.processInfo.environment
        )
        let token = try source.read()
        if let tokenFile, SecretKeyFile.isWorldReadable(tokenFile) {
            StandardError.write(
                "firn: warning: \(tokenFile): every user can read this secret;"
                    + " chmod 600 \(tokenFile)"
            )
        }
        return token
    }

    /// Says at once when there is no daemon here, or not for this user; whoever waits for one to come
    /// need not ask.
    func checkDaemon(of cache: PushCacheReference) throws {
        guard case .firn(_, nil) = cache else { return }
        let path = try configuration().controlSocket
        guard unsafe access(path, R_OK | W_OK) != 0 else { return }
        switch errno {
        case EACCES:
            throw PushTargetError.refused(
                reason: "\(path) is for root and the daemon's own user; as somebody else push to"
                    + " http://127.0.0.1:PORT/\(cache), with a token"
            )
        default:
            throw PushTargetError.unreachable(
                reason: "\(path): no Firn is running here; start it with firn serve, or name"
                    + " another one with --server"
            )
        }
    }

    private static func withSession<Value>(
        _ connections: Int,
        _ body: (WebSession) async throws -> Value
    ) async throws -> Value {
        let session = WebSession(connections: connections, certificate: .trustedHere)
        do {
            let value = try await body(session)
            await session.shutDown()
            return value
        } catch {
            await session.shutDown()
            throw error
        }
    }
}
