// SPDX-License-Identifier: Apache-2.0
package import CacheClient

/// Where this machine reaches the daemon of a configuration.
package struct DaemonPlace: Sendable {
    package enum Failure: Error, Hashable, CustomStringConvertible {
        /// `reason` continues the sentence `"URL" …`.
        case badURL(String, reason: String)
        /// The kernel chooses the port, or the service manager the socket.
        case unknowable(ServeAddress)

        package var description: String {
            switch self {
            case .badURL(let url, let reason): "--url: \"\(url)\" \(reason)"
            case .unknowable(let address):
                "the configuration does not tell where \(address) is; name it with --url"
            }
        }
    }

    private let first: ServeAddress
    private let isTLS: Bool

    package init(_ configuration: FirnConfiguration) {
        // A configuration without a listener is refused by its reader.
        first = configuration.server.listen.first ?? .inherited(descriptor: 0)
        isTLS = configuration.tls != nil
    }

    /// The first address that is listened on, as this machine itself reaches it.
    package func address() throws(Failure) -> FirnAddress {
        switch first {
        case .unix(let path): return .unix(path: path)
        case .inherited, .tcp(_, port: 0): throw .unknowable(first)
        case .tcp(let host, let port):
            let own = Self.everywhere.contains(host) ? "127.0.0.1" : host
            let name = own.contains(":") ? "[\(own)]" : own
            // The certificate is made for what others call this machine.
            return .web(
                url: "\(isTLS ? "https" : "http")://\(name):\(port)",
                certificate: Self.loopback.contains(own) ? .none : .trustedHere
            )
        }
    }

    /// Who listens everywhere is asked here; `::` takes IPv4 as well, which every machine has.
    private static let everywhere: Set<String> = ["0.0.0.0", "::"]
    private static let loopback: Set<String> = ["127.0.0.1", "::1", "localhost"]
}
