// SPDX-License-Identifier: Apache-2.0
import Foundation
import NixFormat

/// Who we say we are to a tier; told to the tier's own addresses only.
package enum UpstreamCredentials: Sendable, Hashable {
    case none
    /// By host name, as Basic authentication.
    case netrc(Netrc)
    /// As Bearer authentication.
    case token(String)

    /// The value of the `Authorization` header.
    func authorization(for host: String) -> String? {
        switch self {
        case .none: return nil
        case .token(let token):
            return "Bearer \(token.trimmingCharacters(in: .whitespacesAndNewlines))"
        case .netrc(let netrc):
            guard let login = netrc.login(for: host) else { return nil }
            return "Basic " + Base64.encode(Array("\(login.name):\(login.password)".utf8))
        }
    }
}

extension UpstreamCredentials: CustomStringConvertible, CustomReflectable {
    package var description: String {
        switch self {
        case .none: "none"
        case .netrc(let netrc): "\(netrc)"
        case .token: "token"
        }
    }

    package var customMirror: Mirror { Mirror(self, children: ["kind": description]) }
}
