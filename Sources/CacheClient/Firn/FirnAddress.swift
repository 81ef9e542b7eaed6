// SPDX-License-Identifier: Apache-2.0

/// Where a daemon is asked.
package enum FirnAddress: Hashable, Sendable {
    /// - Parameters:
    ///   - url: `http` or `https`, without a slash at its end, a query or credentials.
    ///   - certificate: ``CertificateCheck/none`` for this machine's own daemon on loopback, whose
    ///     certificate is made for the name that others call it by.
    case web(url: String, certificate: CertificateCheck)
    case unix(path: String)
}

/// By whom the certificate of an https server has to be vouched for.
package enum CertificateCheck: Hashable, Sendable {
    /// By nobody.
    case none
    /// By one of the authorities in a PEM file; `nil` for the system's.
    case authorities(file: String?)
}

extension FirnAddress: CustomStringConvertible {
    package var description: String {
        switch self {
        case .web(let url, _): url
        case .unix(let path): "unix:\(path)"
        }
    }
}

extension FirnAddress {
    /// What stands in front of a target, as AsyncHTTPClient reads it.
    var baseURL: String {
        switch self {
        case .web(let url, _): url
        case .unix(let path): "http+unix://" + Self.percentEncoded(path)
        }
    }

    /// A socket's path stands where the host does, so that its slashes are escaped as well.
    private static func percentEncoded(_ path: String) -> String {
        path.utf8.reduce(into: "") { text, byte in
            let isPlain = (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
            if isPlain {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += (byte < 0x10 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
    }
}
