// SPDX-License-Identifier: Apache-2.0
import ClientSetup
import NixFormat

/// A cache that was asked who it is.
struct FoundCache {
    /// How far a key can be believed.
    enum KeySource {
        /// On the command line.
        case given
        /// By the daemon of this machine, or over an encrypted connection.
        case told(by: String)
        /// Over a connection in which anybody may have put another one.
        case overheard(from: String)

        var words: String {
            switch self {
            case .given: "as you gave it"
            case .told(let source): "told by \(source)"
            case .overheard(let source):
                "told by \(source) over plain http, where anybody could change it"
            }
        }
    }

    /// As it goes into nix.conf.
    var url: TierURL
    /// As it was named, where that was not the URL.
    var alias: String?
    var publicKeys: [PublicKey]
    var keySource: KeySource
    /// `nil` where everybody may read it.
    var login: NetrcChange.Login?
    var info: CacheInfo
    var warnings: [String] = []
}

extension TierURL {
    /// Whether it leads to this machine itself.
    var isLoopback: Bool {
        host == "localhost" || host == "::1"
            || host.hasPrefix("127.")
                && host.utf8.allSatisfy {
                    (0x30...0x39).contains($0) || $0 == 0x2E
                }
    }

    /// A folder beneath it.
    func appending(_ name: String) -> TierURL? { try? TierURL(parsing: "\(self)/\(name)") }

    /// What is above its last folder, and that; `nil` at the root.
    var parent: (url: TierURL, name: String)? {
        guard let slash = path.lastIndex(of: "/") else { return nil }
        let name = String(path[path.index(after: slash)...])
        let text = "\(isEncrypted ? "https" : "http")://\(authority)\(path[..<slash])"
        return (try? TierURL(parsing: text)).map { ($0, name) }
    }
}
