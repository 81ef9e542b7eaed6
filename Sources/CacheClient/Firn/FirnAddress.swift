// SPDX-License-Identifier: Apache-2.0

/// Where a daemon is asked.
package enum FirnAddress: Hashable, Sendable {
    /// - Parameters:
    ///   - url: `http` or `https`, without a slash at its end, a query or credentials.
    ///   - verifiesCertificate: `false` for this machine's own daemon on loopback, whose certificate
    ///     is made for the name that others call it by.
    case web(url: String, verifiesCertificate: Bool)
    case unix(path: String)
}

extension FirnAddress: CustomStringConvertible {
    package var description: String {
        switch self {
        case .web(let url, _): url
        case .unix(let path): "unix:\(path)"
        }
    }
}
