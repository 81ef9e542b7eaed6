// SPDX-License-Identifier: Apache-2.0

/// How the file behind a narinfo's URL is compressed.
public enum NARCompression: Hashable, Sendable {
    /// The NAR as it is.
    case none
    /// `xz`, what Nix uploads by default.
    case xz
    /// `bzip2`, also meant when a narinfo names none.
    case bzip2
    /// `zstd`.
    case zstd
    /// `gzip`.
    case gzip
    /// `br`, Brotli.
    case br
    /// `lz4`.
    case lz4
    /// `lzip`.
    case lzip
    /// `lzma`, the format before xz.
    case lzma
    /// `lzop`.
    case lzop
    /// `lrzip`.
    case lrzip
    /// `grzip`.
    case grzip
    /// `compress`, of old Unix.
    case compress
    /// A method that this version does not know, by its name.
    case unrecognised(String)

    /// Every method with a name of its own.
    public static let allNamed: [NARCompression] = [
        .none, .xz, .bzip2, .zstd, .gzip, .br, .lz4, .lzip, .lzma, .lzop, .lrzip, .grzip, .compress,
    ]

    /// Reads the value of a narinfo's `Compression` field; no text means bzip2.
    public init(parsing text: some StringProtocol) {
        self =
            switch text {
            case "none": .none
            case "xz": .xz
            case "bzip2", "": .bzip2
            case "zstd": .zstd
            case "gzip": .gzip
            case "br": .br
            case "lz4": .lz4
            case "lzip": .lzip
            case "lzma": .lzma
            case "lzop": .lzop
            case "lrzip": .lrzip
            case "grzip": .grzip
            case "compress": .compress
            default: .unrecognised(String(text))
            }
    }
}

extension NARCompression: CustomStringConvertible {
    /// The value of the `Compression` field.
    public var description: String {
        switch self {
        case .none: "none"
        case .xz: "xz"
        case .bzip2: "bzip2"
        case .zstd: "zstd"
        case .gzip: "gzip"
        case .br: "br"
        case .lz4: "lz4"
        case .lzip: "lzip"
        case .lzma: "lzma"
        case .lzop: "lzop"
        case .lrzip: "lrzip"
        case .grzip: "grzip"
        case .compress: "compress"
        case .unrecognised(let name): name
        }
    }
}
