// SPDX-License-Identifier: Apache-2.0
import Testing
import firn

@Suite struct ServeAddressTests {
    @Test(arguments: [
        ("[::]:5000", ServeAddress.tcp(host: "::", port: 5_000)),
        ("[fe80::1%eth0]:80", .tcp(host: "fe80::1%eth0", port: 80)),
        ("0.0.0.0:5000", .tcp(host: "0.0.0.0", port: 5_000)),
        ("127.0.0.1:0", .tcp(host: "127.0.0.1", port: 0)),
        ("cache.example.org:65535", .tcp(host: "cache.example.org", port: 65_535)),
        ("unix:/run/firn/socket", .unix(path: "/run/firn/socket")),
    ])
    func addressesReadAndWriteBack(_ text: String, _ address: ServeAddress) throws {
        #expect(try ServeAddress(parsing: text) == address)
        #expect(address.description == text)
    }

    @Test(arguments: [
        "", "5000", ":5000", "::1:5000", "[::1]", "[::1]:", "[::zz]:1", "host", "host:", "host:x",
        "host:65536", "host:-1", "ho st:1", "http://host:1", "-x:1", "host:٥", "unix:", "*:5000",
    ])
    func whatIsNoAddressIsRefused(_ text: String) {
        #expect(throws: ServeAddress.ParseError.self) { try ServeAddress(parsing: text) }
    }

    @Test func anIPv6AddressWithoutBracketsIsRecognised() {
        #expect(throws: ServeAddress.ParseError.bracketsMissing) {
            try ServeAddress(parsing: "::1:5000")
        }
    }

    @Test func aSocketPathThatTheKernelCannotHoldIsRefused() throws {
        let longest = "/" + String(repeating: "a", count: 106)
        #expect(try ServeAddress(parsing: "unix:\(longest)") == .unix(path: longest))
        #expect(throws: ServeAddress.ParseError.pathTooLong(limitBytes: 107)) {
            try ServeAddress(parsing: "unix:\(longest)a")
        }
    }
}
