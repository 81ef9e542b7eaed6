// SPDX-License-Identifier: Apache-2.0

/// The name of a store path taken apart: what it is of, in which version, and which output.
///
/// - Shape: `openssl-3.0.13-dev` is `openssl`, `3.0.13` and `dev`; a name without a version is all
///   package.
/// - Source: `parseDrvName` of Nix for where the version starts; the last word is an output where it
///   is one of those that packages call theirs, and else belongs to the version, as `rc1` does.
package struct PackageName: Hashable, Sendable {
    /// What two builds of the same thing have in common.
    package struct Kind: Hashable, Sendable {
        package let package: String
        package let output: String
    }

    package let kind: Kind
    package let version: String

    private static let outputs: Set<String> = [
        "bin", "data", "debug", "dev", "devdoc", "devman", "dist", "doc", "info", "lib", "locale",
        "man", "modules", "py", "python", "static", "tests", "tools",
    ]

    package init(_ name: String) {
        let words = name.split(separator: "-", omittingEmptySubsequences: false)
        let first = words.dropFirst().firstIndex { $0.first?.isNumber == true } ?? words.endIndex
        var rest = words[first...]
        var output = ""
        if rest.count > 1, let last = rest.last, Self.outputs.contains(String(last)) {
            output = String(last)
            rest.removeLast()
        }
        version = rest.joined(separator: "-")
        kind = Kind(package: words[..<first].joined(separator: "-"), output: output)
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
            isOtherVariant: Self.letters(in: version) != Self.letters(in: other.version),
            uncommon: ours.count - common,
            step: max(one, another) - min(one, another)
        )
    }

    package struct Distance: Comparable, Sendable {
        let isOther: Bool
        /// Whether what is not numbers differs, as `rc` and nothing do.
        let isOtherVariant: Bool
        /// Components of the version behind the first that differs, that one included.
        let uncommon: Int
        let step: UInt64

        package static func < (left: Self, right: Self) -> Bool {
            (left.isOther ? 1 : 0, left.isOtherVariant ? 1 : 0, left.uncommon, left.step)
                < (right.isOther ? 1 : 0, right.isOtherVariant ? 1 : 0, right.uncommon, right.step)
        }
    }

    private static func letters(in version: String) -> String {
        version.filter { !$0.isNumber && $0 != "." && $0 != "-" }
    }

    private static func numbers(in version: String) -> [UInt64] {
        version.split { !$0.isASCII || !$0.isNumber }.map { UInt64($0.prefix(18)) ?? 0 }
    }
}
