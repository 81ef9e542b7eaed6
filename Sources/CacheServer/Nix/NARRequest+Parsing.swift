// SPDX-License-Identifier: Apache-2.0
package import CacheService
import NixFormat

extension NARRequest {
    /// Reads the last part of a NAR's URL, in every shape a client may have remembered.
    ///
    /// - Shape: `HASH-NARHASH.nar` and `HASH-NARHASH.nar.zst` (Firn; the first is nix-serve's too),
    ///   `HASH.nar` (old nix-serve), `NARHASH.nar?hash=HASH` (harmonia).
    /// - Source: Nix keeps a narinfo for 30 days and asks for the URL in it without looking again.
    package init(parsing name: String, query: some StringProtocol) throws(CacheError) {
        let form: NARRequest.Form
        let stem: Substring
        if name.hasSuffix(".nar") {
            (form, stem) = (.identity, name.dropLast(4))
        } else if name.hasSuffix(".nar.zst") {
            (form, stem) = (.zstd, name.dropLast(8))
        } else {
            throw .notFound
        }
        switch stem.utf8.count {
        case 32:
            guard form == .identity else { throw .malformed("a .nar.zst is named HASH-NARHASH") }
            self.init(storeHash: try Endpoint.hash(stem), narHash: nil, form: form)
        case 52:
            guard form == .identity, let hash = Self.hashParameter(of: query) else {
                throw .malformed("NARHASH.nar needs ?hash=HASH")
            }
            self.init(
                storeHash: try Endpoint.hash(hash),
                narHash: try Self.narHash(stem),
                form: form
            )
        case 85 where stem.utf8[stem.utf8.index(stem.startIndex, offsetBy: 32)] == UInt8(ascii: "-"):
            self.init(
                storeHash: try Endpoint.hash(stem.prefix(32)),
                narHash: try Self.narHash(stem.suffix(52)),
                form: form
            )
        default:
            throw .malformed("a NAR is named HASH-NARHASH.nar or HASH-NARHASH.nar.zst")
        }
    }

    private static func hashParameter(of query: some StringProtocol) -> Substring? {
        for parameter in String(query).split(separator: "&") where parameter.hasPrefix("hash=") {
            return Substring(parameter.dropFirst(5))
        }
        return nil
    }

    private static func narHash(_ text: some StringProtocol) throws(CacheError) -> NixHash {
        guard let hash = try? NixHash(parsing: "sha256:\(text)") else {
            throw .malformed("a NAR hash has 52 characters of Nix base-32")
        }
        return hash
    }
}
