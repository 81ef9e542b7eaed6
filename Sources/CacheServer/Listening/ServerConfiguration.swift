// SPDX-License-Identifier: Apache-2.0

/// How the server listens and what it puts up with.
package struct ServerConfiguration: Sendable {
    package var addresses: [ListenAddress]
    /// HTTPS with HTTP/2 on every TCP address when set.
    package var tls: TLSIdentity?
    /// A unix socket for orders, for this process's user and root alone.
    package var controlSocket: String?
    /// Permission bits of unix sockets.
    package var unixSocketMode: UInt32 = 0o660
    /// A connection on which nothing moved for so long is closed; Nix keeps idle ones for 90 s.
    package var idleTimeout: Duration = .seconds(150)
    /// From the first byte of a request to the end of its head; a slow-loris gets no longer.
    package var headTimeout: Duration = .seconds(20)
    /// How long running answers may go on after the signal to stop.
    package var drainLimit: Duration = .seconds(30)
    /// Connections beyond this are closed as soon as they are accepted.
    package var maximumConnections = 16_384

    package init(addresses: [ListenAddress]) {
        self.addresses = addresses
    }
}
