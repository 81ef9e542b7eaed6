// SPDX-License-Identifier: Apache-2.0

/// Where the server waits for connections.
package enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// - Shape: host without brackets; port 0 lets the kernel choose.
    case tcp(host: String, port: Int)
    case unix(path: String)
    /// A socket that was bound by whoever started us.
    ///
    /// - Source: sd_listen_fds(3); descriptors from 3 on.
    case inherited(descriptor: Int32)

    package var description: String {
        switch self {
        case .tcp(let host, let port):
            host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        case .inherited(let descriptor): "inherited socket \(descriptor)"
        }
    }
}
