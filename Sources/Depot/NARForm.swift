// SPDX-License-Identifier: Apache-2.0

/// The two forms in which a NAR is kept and served.
package enum NARForm: String, CaseIterable, Hashable, Sendable {
    /// The NAR as it is.
    case identity = ".nar"
    /// Seekable zstd: independent frames and a table of them, see `docs/formats/seekable-nar.md`.
    case zstd = ".nar.zst"

    /// What the file's name ends with.
    package var fileExtension: String { rawValue }
}
