// SPDX-License-Identifier: Apache-2.0
import CacheServer
import CacheService
import NixFormat
import Testing

@Suite struct DirectoryPageTests {
    private func markup(_ names: [[UInt8]], in components: [[UInt8]] = []) throws -> String {
        let path = try StorePath(parsing: "\(EndpointTests.hashText)-a+b")
        return DirectoryPage(
            path: path,
            components: components,
            entries: names.map { FileAnswer.Entry(name: $0, kind: .regular) }
        ).html.markup
    }

    @Test func anyBytesBecomeALinkThatLeadsBack() throws {
        let name: [UInt8] = Array("a b%?#\"<'".utf8) + [0x80, 0xFF, 0x0A]
        let text = try markup([name], in: [[0xFE]])
        let address =
            "/serve/\(EndpointTests.hashText)-a+b/%FE/"
            + "a%20b%25%3F%23%22%3C%27%80%FF%0A"
        #expect(text.contains("<a href=\"\(address)\">"))
        let hash = try StorePathHash(parsing: EndpointTests.hashText)
        #expect(try Endpoint(parsing: address) == .file(hash, components: [[0xFE], name]))
    }

    @Test(arguments: ["x\" onmouseover=\"alert(1)", "<script>alert(1)</script>", "[[css]]", "&lt;"])
    func aHostileNameStaysText(_ name: String) throws {
        let text = try markup([Array(name.utf8)])
        #expect(!text.contains("<script") && !text.contains("\" onmouseover"))
    }

    @Test func belowTheRootThereIsAWayUp() throws {
        #expect(try !markup([]).contains(">..</a>"))
        let text = try markup([], in: [[97], [98]])
        #expect(text.contains("<a href=\"/serve/\(EndpointTests.hashText)-a+b/a\">..</a>"))
    }
}
