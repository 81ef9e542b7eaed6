// SPDX-License-Identifier: Apache-2.0

/// Why bytes are neither a realisation nor an entry of a build trace; offsets count bytes.
///
/// The offset is that of the first byte after the value at fault.
public enum RealisationParseError: Error, Hashable, Sendable {
    /// The bytes are not such JSON.
    case invalidJSON(JSONParseError)
    /// An output's name is not one.
    case invalidID(DerivationOutputID.ParseError, byteOffset: Int)
    /// A path is not a base name.
    case invalidPath(StorePath.ParseError, byteOffset: Int)
    /// A signature is not one.
    case invalidSignature(KeyTextError, byteOffset: Int)
}
