// SPDX-License-Identifier: Apache-2.0
package import CacheService
import NixFormat

extension NARRequest {
    /// Reads the last part of a NAR's URL, in every shape a client may have remembered.
    ///
    /// - Shape: `HASH-NARHASH.nar` and `HASH-NARHASH.nar.zst` (Firn; the first is nix-serve's too),
    ///   `HASH.nar` (old nix-serve), `NARHASH.nar?hash=HASH` (harmonia), and
    ///   `HASH-NARHASH-FILEHASH.nar.xz` for another cache's file that is passed on.
    /// - Source: Nix keeps a narinfo for 30 days and asks for the URL in it without looking again.
    package init(parsing name: String, query: some StringProtocol) throws(CacheError) {
        if let passed = try Self.passed(name) {
            self = passed
            return
        }
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

    private static let passedStemBytes = 32 + 1 + 52 + 1 + 52

    /// - Returns: `nil` when the name is not of that shape.
    private static func passed(_ name: String) throws(CacheError) -> NARRequest? {
        for (text, compression) in PassedFile.extensions where name.hasSuffix(".nar\(text)") {
            let stem = name.dropLast(4 + text.utf8.count)
            let parts = stem.split(separator: "-", omittingEmptySubsequences: false)
            guard stem.utf8.count == passedStemBytes, parts.count == 3, parts[0].utf8.count == 32,
                parts[1].utf8.count == 52
            else { return nil }
            let fileHash = try narHash(parts[2])
            guard let file = PassedFile(fileHash: fileHash, compression: compression) else {
                return nil
            }
            return NARRequest(
                storeHash: try Endpoint.hash(parts[0]),
                narHash: try narHash(parts[1]),
                form: .passed(file)
            )
        }
        return nil
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
