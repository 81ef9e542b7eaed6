// SPDX-License-Identifier: Apache-2.0

/// Why a cache is not set up, or not taken away.
package enum UseError: Error, Hashable, CustomStringConvertible {
    case noPlace(String)
    /// It lies in the Nix store, where nobody writes.
    case managedByNix(path: String, target: String)
    case notRegular(path: String, what: String)
    case notWritable(path: String, reason: String)
    case unreadable(path: String, reason: String)
    case changedMeanwhile(path: String)
    case writeFailed(path: String, reason: String)
    case badToken(source: String)
    case keyUnknown(url: String)
    case badKey(source: String, text: String)
    case notAdmitted(url: String, reason: String)
    case otherStore(url: String, theirs: String, ours: String)
    /// A path's signature carries a key's name and is not that key's.
    case wrongKey(url: String, path: String, key: String)
    case notLoopback(url: String)
    case noTiers(url: String)
    case ambiguous(name: String, urls: [String])
    /// Somebody else's lines have the same effect, so that it is still used.
    case notOurs(label: String, path: String)

    package var description: String {
        switch self {
        case .noPlace(let reason): "\(reason): there is no nix.conf to write; choose another form"
        case .managedByNix(let path, let target):
            "\(path): leads to \(target), which Nix makes and nobody changes; on NixOS write a module"
                + " with --nixos, and elsewhere put it where that file comes from"
        case .notRegular(let path, let what): "\(path): is \(what), and no file to write"
        case .notWritable(let path, let reason):
            "\(path): cannot be written: \(reason); run it with sudo, or with --user for yourself"
        case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
        case .changedMeanwhile(let path):
            "\(path): was changed by somebody else meanwhile, and not by this; start again"
        case .writeFailed(let path, let reason): "\(path): was not written: \(reason)"
        case .badToken(let source):
            "\(source) is no token that every Nix sends as it is: one word, without \" # and \\"
        case .keyUnknown(let url):
            "\(url): does not tell its public key, so it is no Firn, or an older one; ask who runs it,"
                + " and give it with --public-key NAME:BASE64"
        case .badKey(let source, let text):
            "\(source): \"\(Printable.line(String(text.prefix(100))))\" is not a public key,"
                + " NAME:BASE64"
        case .notAdmitted(let url, let reason): "\(url): \(reason)"
        case .otherStore(let url, let theirs, let ours):
            "\(url): has paths of \(theirs), and this Nix has \(ours)"
        case .wrongKey(let url, let path, let key):
            "\(url): \(path) has a signature by the name of \(key) that this key did not make: the key"
                + " is not the cache's, and nothing was written"
        case .notLoopback(let url):
            "\(url) is not on this machine; --agent is for its own daemon, such as"
                + " http://127.0.0.1:5000"
        case .noTiers(let url):
            "\(url): the daemon does not tell which keys its tiers have; it is an older Firn, or is"
                + " reached through something else"
        case .ambiguous(let name, let urls):
            "\(name) is set up more than once; name the URL: \(urls.joined(separator: ", "))"
        case .notOurs(let label, let path):
            "\(label): is not there by firn use, and what is in \(path) stays; take it away by hand"
        }
    }
}
