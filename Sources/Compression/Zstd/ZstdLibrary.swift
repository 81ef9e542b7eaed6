// SPDX-License-Identifier: Apache-2.0
import CZstd

/// The libzstd that this process runs with.
package enum ZstdLibrary {
    /// Such as `1.5.7`; another one may make other bytes of the same input.
    package static var version: String { unsafe String(cString: ZSTD_versionString()) }
}
