// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import HummingbirdCore
import NIOCore

/// Whether a request was made on this machine, by a program of its own.
///
/// Three things look like that and are not: what a proxy on this machine passes on, what a web page
/// has a browser on this machine ask under a name of its own (DNS rebinding), and IPv4 written as IPv6.
enum LocalOrigin {
    static func isLocal(_ request: Request, over channel: any Channel) -> Bool {
        guard request.headers[.forwarded] == nil, request.headers[.xForwardedFor] == nil else {
            return false
        }
        // A stream of HTTP/2 is a channel of its own without an address.
        guard let address = channel.remoteAddress ?? channel.parent?.remoteAddress else {
            return false
        }
        if case .unixDomainSocket = address { return true }
        guard let remote = address.ipAddress, let name = hostName(of: request) else { return false }
        if isLoopback(address: remote) {
            return name == "localhost" || name == "::1" || name == "127.0.0.1"
        }
        // A program of this machine that asks at another of its addresses has that address too.
        let local = channel.localAddress ?? channel.parent?.localAddress
        return remote == local?.ipAddress && name == remote
    }

    private static func isLoopback(address: String) -> Bool {
        address == "::1" || address.hasPrefix("127.") || address.hasPrefix("::ffff:127.")
    }

    private static func hostName(of request: Request) -> String? {
        guard let host = request.head.authority ?? request.headers[.host] else { return nil }
        let name =
            host.hasPrefix("[")
            ? host.prefix { $0 != "]" }.dropFirst() : host.prefix { $0 != ":" }
        return String(name)
    }
}
