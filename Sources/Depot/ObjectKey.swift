// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// The name of one immutable object: which NAR it is, and in which form.
///
/// - Shape: `STOREHASH-NARHASH.nar` or `STOREHASH-NARHASH.nar.zst`; 32 and 52 characters of Nix
///   base-32. It is the file's name under `nar/` and the last part of the object's URL.
package struct ObjectKey: Hashable, Sendable {
    package let storeHash: StorePathHash
    /// SHA-256 of the NAR before compression.
    package let narHash: NixHash
    package let form: NARForm

    /// Why text or values are not a key.
    package enum ParseError: Error, Hashable, Sendable {
        /// The name ends neither with `.nar` nor with `.nar.zst`.
        case unknownForm
        /// Not two parts of 32 and 52 characters with a hyphen between them.
        case wrongShape
        case storeHash(StorePathHash.ParseError)
        case narHash(NixHash.ParseError)
        /// NARs are named by SHA-256 only.
        case notSHA256(HashAlgorithm)
    }

    /// Names a form of a NAR.
    ///
    /// - Throws: ``ParseError/notSHA256(_:)`` when the NAR's hash is of another kind.
    package init(
        storeHash: StorePathHash,
        narHash: NixHash,
        form: NARForm
    ) throws(ParseError) {
        guard narHash.algorithm == .sha256 else { throw .notSHA256(narHash.algorithm) }
        self.storeHash = storeHash
        self.narHash = narHash
        self.form = form
    }

    /// Reads a file name; accepts only what ``description`` writes.
    package init(parsing fileName: some StringProtocol) throws(ParseError) {
        guard let form = NARForm.allCases.first(where: { fileName.hasSuffix($0.fileExtension) })
        else { throw .unknownForm }
        let stem = Array(fileName.utf8.dropLast(form.fileExtension.utf8.count))
        guard stem.count == Self.stemBytes, stem[StorePathHash.characterCount] == 0x2D else {
            throw .wrongShape
        }
        let storeHash: StorePathHash
        let narHash: NixHash
        do throws(StorePathHash.ParseError) {
            let text = String(decoding: stem.prefix(StorePathHash.characterCount), as: UTF8.self)
            storeHash = try StorePathHash(parsing: text)
        } catch {
            throw .storeHash(error)
        }
        do throws(NixHash.ParseError) {
            let text = String(decoding: stem.suffix(Self.narHashCharacters), as: UTF8.self)
            narHash = try NixHash(parsingDigest: text, algorithm: .sha256)
        } catch {
            throw .narHash(error)
        }
        try self.init(storeHash: storeHash, narHash: narHash, form: form)
    }

    private static let narHashCharacters = 52
    private static let stemBytes = StorePathHash.characterCount + 1 + narHashCharacters
}

extension ObjectKey: CustomStringConvertible {
    package var description: String {
        "\(storeHash)-\(narHash.digestText(.nix32))\(form.fileExtension)"
    }
}
