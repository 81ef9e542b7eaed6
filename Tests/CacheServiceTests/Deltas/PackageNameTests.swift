// SPDX-License-Identifier: Apache-2.0
import CacheService
import Testing

@Suite struct PackageNameTests {
    @Test(arguments: [
        ("openssl-3.0.13", "openssl", "3.0.13", ""),
        ("openssl-3.0.13-dev", "openssl", "3.0.13", "dev"),
        ("glibc-2.39-52", "glibc", "2.39-52", ""),
        ("glibc-locales-2.39-52", "glibc-locales", "2.39-52", ""),
        ("linux-6.6.30-modules", "linux", "6.6.30", "modules"),
        ("python3.11-requests-2.31.0", "python3.11-requests", "2.31.0", ""),
        ("etc", "etc", "", ""),
        ("unit-sshd.service", "unit-sshd.service", "", ""),
        (
            "nixos-system-samsung-24.05.20240501.abc", "nixos-system-samsung", "24.05.20240501.abc",
            ""
        ),
        ("tool-1.2-rc1", "tool", "1.2-rc1", ""),
        ("wget-1.21.3-1-b2-dev", "wget", "1.21.3-1-b2", "dev"),
        ("-", "-", "", ""),
        ("9", "9", "", ""),
    ])
    func aNameIsTakenApart(_ name: String, _ package: String, _ version: String, _ output: String) {
        let parsed = PackageName(name)
        #expect(parsed.kind.package == package)
        #expect(parsed.version == version)
        #expect(parsed.kind.output == output)
    }

    /// A candidate, a rebuild or a build from a branch is another version, and no other output.
    @Test func whatIsNoOutputKeepsNobodyApart() {
        let wanted = PackageName("tool-3.2")
        let order = ["3.2", "3.1", "3.2-rc1", "3.1-unstable-2024-01-01"]
        let sorted = order.shuffled().map { PackageName("tool-\($0)") }
            .sorted { wanted.distance(to: $0) < wanted.distance(to: $1) }
        #expect(sorted.map(\.version) == order)
        #expect(sorted.allSatisfy { $0.kind == wanted.kind })
    }

    @Test func theNearestVersionIsTheSameThenThePatchThenTheMinorOne() {
        let wanted = PackageName("tool-3.2.7")
        let order = ["3.2.7", "3.2.6", "3.2.1", "3.1.7", "3.0.7", "2.2.7", "1.0"]
        let sorted = order.shuffled().map { PackageName("tool-\($0)") }
            .sorted { wanted.distance(to: $0) < wanted.distance(to: $1) }
        #expect(sorted.map(\.version) == order)
    }
}
