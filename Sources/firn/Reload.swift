// SPDX-License-Identifier: Apache-2.0
import CacheServer
import CacheService
import Logging
import NixFormat
import ServiceLifecycle
import UnixSignals

/// Rereads the signing keys and the TLS files on SIGHUP; what cannot be read leaves the old in use.
struct Reload: Service {
    private let keys: SigningKeyFiles
    private let signingKeys: SigningKeys
    private let tls: TLSIdentity?
    private let notifier: ServiceNotifier
    private let logger: Logger

    init(
        keys: SigningKeyFiles,
        signingKeys: SigningKeys,
        tls: TLSIdentity?,
        _ notifier: ServiceNotifier,
        _ logger: Logger
    ) {
        self.keys = keys
        self.signingKeys = signingKeys
        self.tls = tls
        self.notifier = notifier
        self.logger = logger
    }

    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sighup)
        for await _ in signals.cancelOnGracefulShutdown() {
            notifier.reloading()
            reloadKeys()
            reloadTLS()
            notifier.ready()
        }
    }

    private func reloadKeys() {
        do {
            let loaded = try keys.load()
            for warning in loaded.warnings { logger.warning("\(warning)") }
            signingKeys.replace(with: loaded.keys)
            let names = loaded.keys.map(\.name).joined(separator: " ")
            logger.notice("keys read again", metadata: ["keys": "\(names)"])
        } catch {
            logger.error("keys not changed", metadata: ["cause": "\(error)"])
        }
    }

    private func reloadTLS() {
        guard let tls else { return }
        do {
            try tls.reload()
            logger.notice("TLS files read again")
        } catch {
            logger.error("TLS files not changed", metadata: ["cause": "\(error)"])
        }
    }
}
