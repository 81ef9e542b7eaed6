// SPDX-License-Identifier: Apache-2.0
import CacheServer
import Testing

@Suite struct RequestHostTests {
    @Test(arguments: [
        "localhost", "p620.lan:5000", "10.0.0.1:80", "[::1]", "[::1]:5000", "[fe80::1:2]:65535",
        "[::ffff:1.2.3.4]:1", "my_host-1", "A.B", "a:00080",
    ])
    func hostsWithAndWithoutAPortAreTaken(_ field: String) {
        #expect(RequestHost(parsing: field)?.description == field)
    }

    @Test(arguments: [
        "", ":80", "a:", "a:0", "a:65536", "a:123456", "a:-1", "a:80:80", "a b", "a/b", "a@b",
        "a?b",
        "a#b", "a\"b", "<script>", "a'", "a\\", "a%20b", "a,b", "a\r\nX: y", "a\u{0}", "é.lan",
        "[::1", "::1", "[]", "[::]x", "[::1]:", "[::1%25lo]", "[g::1]", "[1]", "[1234]", "a..$(x)",
        "\(String(repeating: "a", count: 254))", "٣",
    ])
    func anythingElseIsRefused(_ field: String) {
        #expect(RequestHost(parsing: field) == nil)
    }
}
