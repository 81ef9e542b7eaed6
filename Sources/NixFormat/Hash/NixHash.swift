// SPDX-License-Identifier: Apache-2.0

/// A digest and the function that made it.
public struct NixHash: Hashable, Sendable {
    /// The function.
    public let algorithm: HashAlgorithm
    /// Its result: as many bytes as the function has.
    public let digest: [UInt8]

    /// The four ways to write a hash.
    public enum TextEncoding: CaseIterable, Hashable, Sendable {
        /// `sha256:` and lower-case hexadecimal digits.
        case base16
        /// `sha256:` and Nix's own base-32: what narinfo uses.
        case nix32
        /// `sha256:` and base-64.
        case base64
        /// `sha256-` and base-64, as in Subresource Integrity.
        case sri
    }

    /// Why text or bytes are not a hash.
    public enum ParseError: Error, Hashable, Sendable {
        /// Neither `:` nor `-` ends a name of an algorithm.
        case missingAlgorithm
        /// The algorithm is not one that Nix's formats use.
        case unknownAlgorithm(String)
        /// The digest's length fits none of the encodings of this algorithm.
        case wrongLength(HashAlgorithm, actual: Int)
        /// The digest is not text of the encoding that its length tells.
        case invalidDigest(BinaryTextError)
    }

    /// Takes a digest as it is.
    public init(algorithm: HashAlgorithm, digest: [UInt8]) throws(ParseError) {
        guard digest.count == algorithm.digestByteCount else {
            throw .wrongLength(algorithm, actual: digest.count)
        }
        self.algorithm = algorithm
        self.digest = digest
    }

    /// Reads `ALGORITHM:DIGEST` in base-16, Nix base-32 or base-64, or `ALGORITHM-BASE64`.
    ///
    /// The length of the digest tells the encoding, as in Nix.
    public init(parsing text: some StringProtocol) throws(ParseError) {
        try self.init(parsing: Array(text.utf8)[...])
    }

    /// Reads a digest alone, in base-16, Nix base-32 or base-64.
    public init(
        parsingDigest text: some StringProtocol,
        algorithm: HashAlgorithm
    ) throws(ParseError) {
        try self.init(parsingDigest: Array(text.utf8)[...], algorithm: algorithm)
    }

    init(parsing text: ArraySlice<UInt8>) throws(ParseError) {
        guard let separator = text.firstIndex(where: { $0 == 0x3A || $0 == 0x2D }) else {
            throw .missingAlgorithm
        }
        let name = String(decoding: text[..<separator], as: UTF8.self)
        guard let algorithm = HashAlgorithm(rawValue: name) else {
            throw .unknownAlgorithm(name)
        }
        let digest = text[(separator + 1)...]
        if text[separator] == 0x2D {
            let expected = (algorithm.digestByteCount + 2) / 3 * 4
            guard digest.count == expected else {
                throw .wrongLength(algorithm, actual: digest.count)
            }
        }
        try self.init(parsingDigest: digest, algorithm: algorithm)
    }

    init(
        parsingDigest text: ArraySlice<UInt8>,
        algorithm: HashAlgorithm
    ) throws(ParseError) {
        let bytes = algorithm.digestByteCount
        let digest: [UInt8]
        do throws(BinaryTextError) {
            switch text.count {
            case NixBase32.characterCount(byteCount: bytes):
                digest = try NixBase32.decode(ascii: text)
            case bytes * 2:
                digest = try Base16.decode(ascii: text)
            case (bytes + 2) / 3 * 4:
                digest = try Base64.decode(ascii: text)
            default:
                throw BinaryTextError.wrongLength(characters: text.count)
            }
        } catch .wrongLength(let characters) {
            throw .wrongLength(algorithm, actual: characters)
        } catch {
            throw .invalidDigest(error)
        }
        try self.init(algorithm: algorithm, digest: digest)
    }

    /// The hash in one of its spellings, with the name of the algorithm.
    public func text(_ encoding: TextEncoding) -> String {
        "\(algorithm.rawValue)\(encoding == .sri ? "-" : ":")\(digestText(encoding))"
    }

    /// The digest in one of its spellings, without the name of the algorithm.
    public func digestText(_ encoding: TextEncoding) -> String {
        switch encoding {
        case .base16: Base16.encode(digest)
        case .nix32: NixBase32.encode(digest)
        case .base64, .sri: Base64.encode(digest)
        }
    }

    func write(to output: inout [UInt8]) {
        output.append(contentsOf: algorithm.rawValue.utf8)
        output.append(0x3A)
        NixBase32.append(digest, to: &output)
    }
}

extension NixHash: CustomStringConvertible {
    /// `ALGORITHM:NIX32`, as in narinfo.
    public var description: String { text(.nix32) }
}
