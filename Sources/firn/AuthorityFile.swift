// SPDX-License-Identifier: Apache-2.0
package import CacheClient
import Foundation

/// The file of the authorities that https servers are checked by, as Nix finds it.
///
/// - Source: Nix's `ssl-cert-file`: `NIX_SSL_CERT_FILE`, where that is not set `SSL_CERT_FILE`, and
///   otherwise the system's.
struct AuthorityFile {
    /// `nil` for the system's.
    let path: String?
    let warning: String?

    init(_ environment: [String: String]) {
        let variables = ["NIX_SSL_CERT_FILE", "SSL_CERT_FILE"]
        guard let name = variables.first(where: { environment[$0]?.isEmpty == false }),
            let named = environment[name]
        else {
            (path, warning) = (nil, nil)
            return
        }
        guard FileManager.default.isReadableFile(atPath: named) else {
            path = nil
            warning =
                "$\(name) names \(named), which cannot be read: the system's authorities count"
            return
        }
        (path, warning) = (named, nil)
    }
}

extension CertificateCheck {
    /// As Nix checks: by the file that the environment names, otherwise by the system's authorities.
    package static var trustedHere: CertificateCheck {
        .authorities(file: AuthorityFile(ProcessInfo.processInfo.environment).path)
    }
}
