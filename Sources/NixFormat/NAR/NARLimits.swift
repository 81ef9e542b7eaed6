// SPDX-License-Identifier: Apache-2.0

/// How large the parts of a NAR may be before it is refused.
///
/// Contents are not limited: they are never kept.
public struct NARLimits: Hashable, Sendable {
    /// The longest entry name: 255 bytes, as in Nix and on every file system of Linux.
    public var maximumNameBytes: Int
    /// The longest target of a symbolic link: 4095 bytes, as in Nix and Linux.
    public var maximumTargetBytes: Int
    /// How many directories may lie inside each other.
    ///
    /// Nix takes 64 since 2.31.5 and had no limit before; paths built by the older ones are still
    /// about, so the limit here is what a path of Linux can express.
    public var maximumDepth: Int

    /// The limits that Nix's stores keep.
    public static let standard = NARLimits()

    /// Limits of one's own.
    public init(
        maximumNameBytes: Int = 255,
        maximumTargetBytes: Int = 4095,
        maximumDepth: Int = 2048
    ) {
        self.maximumNameBytes = maximumNameBytes
        self.maximumTargetBytes = maximumTargetBytes
        self.maximumDepth = maximumDepth
    }
}
