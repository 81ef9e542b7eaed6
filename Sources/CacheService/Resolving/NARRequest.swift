// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// Which NAR is wanted, in which form.
package struct NARRequest: Hashable, Sendable {
    /// How the bytes of a NAR are packed on the wire.
    package enum Form: Hashable, Sendable {
        case identity
        /// Seekable zstd: independent frames and a table of them.
        case zstd
        /// Another cache's file, byte for byte.
        case passed(PassedFile)
    }

    package let storeHash: StorePathHash
    /// `nil` in the one old shape of URL that does not say it.
    package let narHash: NixHash?
    package let form: Form

    package init(storeHash: StorePathHash, narHash: NixHash?, form: Form) {
        self.storeHash = storeHash
        self.narHash = narHash
        self.form = form
    }

    /// The last part of its URL, as narinfos have it.
    package var fileName: String {
        let stem = [String(describing: storeHash), narHash?.digestText(.nix32)].compactMap(\.self)
            .joined(separator: "-")
        return switch form {
        case .identity: "\(stem).nar"
        case .zstd: "\(stem).nar.zst"
        case .passed(let file):
            "\(stem)-\(file.fileHash.digestText(.nix32)).nar\(file.fileExtension)"
        }
    }
}

/// A file of another cache, named by its hash, so that the URL means these bytes for good.
package struct PassedFile: Hashable, Sendable {
    /// SHA-256 of the file.
    package let fileHash: NixHash
    package let compression: NARCompression

    /// - Returns: `nil` for a method without a file extension, or another kind of hash.
    package init?(fileHash: NixHash, compression: NARCompression) {
        guard fileHash.algorithm == .sha256, Self.fileExtension(of: compression) != nil else {
            return nil
        }
        self.fileHash = fileHash
        self.compression = compression
    }

    /// Behind `.nar`, with its dot.
    package var fileExtension: String { Self.fileExtension(of: compression) ?? "" }

    /// The methods whose files are passed on, by what their names end with.
    ///
    /// - Source: what `nix copy --to file://` writes; a NAR as it is needs no name of its own.
    package static let extensions: [(text: String, compression: NARCompression)] = [
        (".xz", .xz), (".zst", .zstd), (".bz2", .bzip2), (".br", .br), (".lz4", .lz4),
        (".lzip", .lzip), (".gz", .gzip),
    ]

    private static func fileExtension(of compression: NARCompression) -> String? {
        extensions.first { $0.compression == compression }?.text
    }
}
