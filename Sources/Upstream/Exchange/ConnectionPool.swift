// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import NIOCore
import NIOSSL

/// Connections to one address of one host; they close when the last exchange has let go of it.
///
/// HTTP/1.1 only. Over HTTP/2 one lost packet keeps all NARs waiting, one silent connection all
/// questions, and ending a request does not end the connection that is to blame.
final class ConnectionPool: Sendable {
    let address: String
    let client: HTTPClient

    /// The certificate and the `Host` header are about `host`; what is connected to is `address`.
    init(
        host: String,
        address: String,
        connections: Int,
        _ configuration: UpstreamClientConfiguration,
        on group: any EventLoopGroup
    ) {
        var settings = HTTPClient.Configuration(
            tlsConfiguration: configuration.tlsConfiguration,
            redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(configuration.connect)),
            connectionPool: .init(
                // Less than the 60 s and 75 s after which most servers close.
                idleTimeout: .seconds(45),
                concurrentHTTP1ConnectionsPerHostSoftLimit: connections
            ),
            decompression: .disabled
        )
        settings.connectionPool.retryConnectionEstablishment = false
        settings.httpVersion = .http1Only
        if host != address { settings.dnsOverride = [host: address] }
        self.address = address
        client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: settings)
    }

    deinit {
        // Nothing is under way: every exchange keeps its pool.
        client.shutdown { _ in }
    }
}

extension UpstreamClientConfiguration {
    fileprivate var tlsConfiguration: TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        if let certificateFile { tls.trustRoots = .file(certificateFile) }
        return tls
    }
}
