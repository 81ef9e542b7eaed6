// SPDX-License-Identifier: Apache-2.0

/// The name of a store path taken apart: what it is of, in which version, and which output.
///
/// - Shape: `openssl-3.0.13-dev` is `openssl`, `3.0.13` and `dev`; a name without a version is all
///   package.
/// - Source: `parseDrvName` of Nix for where the version starts. What follows it and starts with a
///   letter is the output, or a variant, which comes to the same here.
package struct PackageName: Hashable, Sendable {
    /// What two builds of the same thing have in common.
    package struct Kind: Hashable, Sendable {
        package let package: String
        /// Digits are left out, so that `rc1` is the kin of `rc2`.
        package let output: String
    }

    package let kind: Kind
    package let version: String

    package init(_ name: String) {
        let words = name.split(separator: "-", omittingEmptySubsequences: false)
        let first = words.dropFirst().firstIndex { $0.first?.isNumber == true } ?? words.endIndex
        let rest = words[first...]
        let last = rest.firstIndex { $0.first?.isLetter == true } ?? rest.endIndex
        version = rest[..<last].joined(separator: "-")
        kind = Kind(
            package: words[..<first].joined(separator: "-"),
            output: rest[last...].joined(separator: "-").filter { !$0.isNumber }
        )
    }

    /// How near another version is: smaller is nearer, and the same version is nearest.
    package func distance(to other: PackageName) -> Distance {
        let (ours, theirs) = (Self.numbers(in: version), Self.numbers(in: other.version))
        var common = 0
        while common < min(ours.count, theirs.count), ours[common] == theirs[common] {
            common += 1
        }
        let (one, another) = (
            common < ours.count ? ours[common] : 0, common < theirs.count ? theirs[common] : 0
        )
        return Distance(
            isOther: version != other.version,
            uncommon: ours.count - common,
            step: max(one, another) - min(one, another)
        )
    }

    package struct Distance: Comparable, Sendable {
        let isOther: Bool
        /// Components of the version behind the first that differs, that one included.
        let uncommon: Int
        let step: UInt64

        package static func < (left: Self, right: Self) -> Bool {
            (left.isOther ? 1 : 0, left.uncommon, left.step)
                < (right.isOther ? 1 : 0, right.uncommon, right.step)
        }
    }

    private static func numbers(in version: String) -> [UInt64] {
        version.split { !$0.isASCII || !$0.isNumber }.map { UInt64($0.prefix(18)) ?? 0 }
    }
}
