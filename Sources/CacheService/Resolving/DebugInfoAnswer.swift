// SPDX-License-Identifier: Apache-2.0

/// Which NAR holds the debug symbols of a program, and where in it.
package struct DebugInfoAnswer: Sendable, Equatable {
    /// - Shape: relative to the `debuginfo/` folder, such as `../nar/….nar.zst`.
    package let archive: String
    /// - Shape: relative to the root of the NAR.
    package let member: String
}
