// SPDX-License-Identifier: Apache-2.0
import Testing
import Upstream

@Suite struct HTTPURLTests {
    @Test(arguments: [
        ("http://Host:5000", "http://host:5000/"), ("HTTPS://h/a/b?c=d#e", "https://h/a/b?c=d"),
        ("http://[FD00::1]:80/x", "http://[fd00::1]/x"), ("https://h:443", "https://h/"),
        ("http://h/a/../../b/./c/", "http://h/b/c/"), ("http://h?q", "http://h/?q"),
    ])
    func urlsAreReadAndNormalised(_ text: String, _ expected: String) throws {
        #expect(try HTTPURL(parsing: text).description == expected)
    }

    @Test(arguments: [
        ("ftp://h/", HTTPURL.ParseError.unsupportedScheme), ("//h/", .unsupportedScheme),
        ("file:///nix", .unsupportedScheme), ("http://user:secret@h/", .hasCredentials),
        ("http://", .invalidHost), ("http:///x", .invalidHost),
        ("http://h:0/", .invalidPort), ("http://h:99999", .invalidPort),
        ("http://h:x", .invalidPort),
        ("http://h /", .invalidByte(byte: 32, byteOffset: 8)), ("http://[::1", .invalidHost),
        ("http://h/\r\nX: y", .invalidByte(byte: 13, byteOffset: 9)),
    ])
    func othersAreRefused(_ text: String, _ expected: HTTPURL.ParseError) {
        let error = #expect(throws: HTTPURL.ParseError.self) { try HTTPURL(parsing: text) }
        #expect(error == expected)
    }

    @Test(arguments: [
        ("nar/x.nar", "http://h/cache/nar/x.nar"), ("/nar/x", "http://h/nar/x"),
        ("https://other/x?y", "https://other/x?y"), ("//other/x", "http://other/x"),
        ("x?narsize=1", "http://h/cache/x?narsize=1"), ("../x", "http://h/x"),
        ("realisations/sha256:ab!out.doi", "http://h/cache/realisations/sha256:ab!out.doi"),
        ("a b", "http://h/cache/a%20b"), ("é", "http://h/cache/%C3%A9"),
        // A mark that follows makes other characters of them, not other bytes.
        ("x?\u{328}y", "http://h/cache/x?%CC%A8y"), ("x#\u{328}y", "http://h/cache/x"),
        ("x\r\nEvil: 1", "http://h/cache/x%0D%0AEvil:%201"),
    ])
    func referencesAreResolved(_ reference: String, _ expected: String) throws {
        let base = try HTTPURL(parsing: "http://h/cache").asFolder
        #expect(try base.resolving(reference).description == expected)
    }

    @Test(arguments: ["file:///etc/passwd", "s3://bucket/x", "javascript:x", "http://a:b@h/x"])
    func otherSchemesAreNotResolved(_ reference: String) throws {
        let base = try HTTPURL(parsing: "http://h/")
        #expect(throws: HTTPURL.ParseError.self) { try base.resolving(reference) }
    }
}
