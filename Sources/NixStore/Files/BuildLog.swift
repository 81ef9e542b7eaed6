// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// The kept log of a build.
package struct BuildLog: Sendable {
    package let file: OpenFile
    /// How the file is compressed: ``NixFormat/NARCompression/none``, bzip2, xz or zstd.
    package let compression: NARCompression

    package init(file: OpenFile, compression: NARCompression) {
        self.file = file
        self.compression = compression
    }
}
