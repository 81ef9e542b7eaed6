// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOSSL
import Synchronization

/// The certificate and key that TLS connections are answered with; replaced while serving.
package final class TLSIdentity: Sendable {
    private let certificatePath: String
    private let keyPath: String
    private let current: Mutex<Loaded>

    private struct Loaded {
        let chain: [NIOSSLCertificateSource]
        let key: NIOSSLPrivateKeySource
    }

    /// - Parameters:
    ///   - certificatePath: PEM file, the server's certificate first.
    ///   - keyPath: PEM file.
    /// - Throws: When a file cannot be read, or the two do not belong together.
    package init(certificatePath: String, keyPath: String) throws {
        self.certificatePath = certificatePath
        self.keyPath = keyPath
        current = Mutex(try Self.load(certificatePath, keyPath))
    }

    /// Reads the files again; connections that are open keep what they have.
    ///
    /// - Throws: As the initialiser does; the identity in use then stays.
    package func reload() throws {
        let loaded = try Self.load(certificatePath, keyPath)
        current.withLock { $0 = loaded }
    }

    func serverConfiguration() -> TLSConfiguration {
        let loaded = current.withLock { $0 }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: loaded.chain,
            privateKey: loaded.key
        )
        configuration.minimumTLSVersion = .tlsv12
        // Asked at each handshake, so that a reload needs no restart.
        configuration.sslContextCallback = { [self] _, promise in
            let loaded = current.withLock { $0 }
            var override = NIOSSLContextConfigurationOverride()
            override.certificateChain = loaded.chain
            override.privateKey = loaded.key
            promise.succeed(override)
        }
        return configuration
    }

    private static func load(_ certificatePath: String, _ keyPath: String) throws -> Loaded {
        let chain: [NIOSSLCertificateSource]
        do {
            chain = try NIOSSLCertificate.fromPEMFile(certificatePath).map { .certificate($0) }
        } catch {
            throw TLSFileError(path: certificatePath, reason: "no certificate in PEM form")
        }
        let key: NIOSSLPrivateKeySource
        do {
            key = .privateKey(try NIOSSLPrivateKey(file: keyPath, format: .pem))
        } catch {
            throw TLSFileError(path: keyPath, reason: "no private key in PEM form")
        }
        do {
            // Making a context is what finds a key that does not fit its certificate.
            _ = try NIOSSLContext(
                configuration: .makeServerConfiguration(certificateChain: chain, privateKey: key)
            )
        } catch {
            throw TLSFileError(path: keyPath, reason: "not the key of \(certificatePath)")
        }
        return Loaded(chain: chain, key: key)
    }
}

/// A certificate or key that cannot be used.
package struct TLSFileError: Error, CustomStringConvertible {
    package let path: String
    package let reason: String

    package var description: String { "\(path): \(reason)" }
}
