// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Testing
import firn

@Suite struct ClientInstructionsTests {
    private static let key = "cache-1:WMdr7e5kdGFlv51RmdGnS6bGPP8xid4YI4nJQaKZypc="
    private static let path = "/nix/store/00000000000000000000000000000000-x"

    private func text(
        urls: [String] = ["http://192.0.2.2:5000", "http://p620:5000"],
        sockets: [String] = [],
        samplePath: String? = path
    ) throws -> String {
        ClientInstructions(
            urls: urls,
            sockets: sockets,
            publicKeys: [try PublicKey(parsing: Self.key)],
            samplePath: samplePath
        ).text
    }

    @Test func theAddressTheKeyAndTheSettingsAreThere() throws {
        let lines = try text().split(separator: "\n").map(String.init)
        #expect(
            lines[0] == "Firn 0.1.0 listens on http://192.0.2.2:5000, http://p620:5000"
        )
        #expect(lines[1] == "Public key: \(Self.key)")
        #expect(lines.contains("  extra-substituters = http://192.0.2.2:5000"))
        #expect(lines.contains("  extra-trusted-public-keys = \(Self.key)"))
    }

    @Test func theCommandToTryItIsOneLine() throws {
        #expect(
            try text().contains(
                "\n  nix --extra-experimental-features nix-command copy"
                    + " --refresh --from http://192.0.2.2:5000 --option trusted-public-keys '\(Self.key)'"
                    + " \(Self.path)\n"
            )
        )
    }

    @Test func anEmptyStoreHasNothingToTry() throws {
        let text = try text(samplePath: nil)
        #expect(!text.contains("nix copy") && !text.contains("copy --from"))
        #expect(text.contains("no paths yet"))
    }

    @Test func aSocketHasNoClientSettings() throws {
        let text = try text(urls: [], sockets: ["unix:/run/firn/socket"])
        #expect(text.hasPrefix("Firn 0.1.0 listens on unix:/run/firn/socket\n"))
        #expect(!text.contains("substituters"))
    }
}

@Suite struct ClientURLsTests {
    private static let plain = ClientURLs(
        hostName: "p620",
        outwardAddress: "192.0.2.2",
        isTLS: false
    )

    @Test func aWildcardIsWhatOthersCallThisMachine() {
        #expect(
            Self.plain.urls(for: [.tcp(host: "::", port: 5_000)])
                == ["http://192.0.2.2:5000", "http://p620:5000"]
        )
    }

    @Test func withoutANetworkItIsThisMachineAlone() {
        let urls = ClientURLs(hostName: "p620", outwardAddress: nil, isTLS: false)
        #expect(
            urls.urls(for: [.tcp(host: "0.0.0.0", port: 80)])
                == ["http://localhost:80", "http://p620:80"]
        )
    }

    @Test func certificatesAreForNamesSoTheNameComesFirst() {
        let urls = ClientURLs(hostName: "p620", outwardAddress: "192.0.2.2", isTLS: true)
        #expect(urls.urls(for: [.tcp(host: "::", port: 443)]).first == "https://p620:443")
    }

    @Test func oneAddressIsToldOnce() {
        let urls = Self.plain.urls(for: [
            .tcp(host: "::", port: 1), .tcp(host: "0.0.0.0", port: 1),
            .tcp(host: "::1", port: 2), .unix(path: "/s"), .inherited(descriptor: 3),
        ])
        #expect(urls == ["http://192.0.2.2:1", "http://p620:1", "http://[::1]:2"])
    }
}
