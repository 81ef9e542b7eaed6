// SPDX-License-Identifier: Apache-2.0

/// The name of one output of a derivation, in the scheme of Nix up to 2.34.
///
/// - Shape: `sha256:HEX!OUTPUT`, where the hash is that of the derivation modulo its inputs.
public struct DerivationOutputID: Hashable, Sendable {
    /// The hash of the derivation, without what does not change its outputs.
    public let derivationHash: NixHash
    /// Which of its outputs; `out` for most.
    public let outputName: String

    /// Why text is not an output's name.
    public enum ParseError: Error, Hashable, Sendable {
        /// No exclamation mark stands between the hash and the output.
        case missingSeparator
        /// The hash is not one.
        case invalidHash(NixHash.ParseError)
        /// The output's name is empty or has a byte that a store path's name may not have.
        case invalidOutputName(String)
    }

    /// Puts a hash and an output together.
    public init(derivationHash: NixHash, outputName: String) throws(ParseError) {
        guard OutputName.isValid(outputName) else { throw .invalidOutputName(outputName) }
        self.derivationHash = derivationHash
        self.outputName = outputName
    }

    /// Reads `sha256:HEX!OUTPUT`.
    public init(parsing text: some StringProtocol) throws(ParseError) {
        guard let mark = text.firstIndex(of: "!") else { throw .missingSeparator }
        let hash: NixHash
        do throws(NixHash.ParseError) {
            hash = try NixHash(parsing: text[..<mark])
        } catch {
            throw .invalidHash(error)
        }
        let output = String(text[text.index(after: mark)...])
        try self.init(derivationHash: hash, outputName: output)
    }
}

extension DerivationOutputID: CustomStringConvertible {
    /// `sha256:HEX!OUTPUT`.
    public var description: String { "\(derivationHash.text(.base16))!\(outputName)" }
}

extension DerivationOutputID: Comparable {
    /// Whether the left text sorts before the right one, byte by byte.
    public static func < (left: Self, right: Self) -> Bool {
        left.description.utf8.lexicographicallyPrecedes(right.description.utf8)
    }
}

/// Names of outputs become parts of store paths' names, so they have the same characters.
enum OutputName {
    static func isValid(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= StorePath.maximumNameBytes
            && name.utf8.allSatisfy(StorePath.isAllowed)
    }
}
