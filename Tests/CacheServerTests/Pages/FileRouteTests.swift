// SPDX-License-Identifier: Apache-2.0
import CacheServer
import CacheService
import HTTPTypes
import NixFormat
import NixStore
import StoreTestSupport
import Testing

@Suite struct FileRouteTests {
    private let sample: SampleCache

    init() throws {
        sample = try SampleCache()
    }

    @Test(arguments: [
        ("bin/hello", "application/octet-stream"), ("share/README", "text/plain; charset=utf-8"),
        ("share/page.html", "text/html; charset=utf-8"), ("bin", "text/html; charset=utf-8"),
    ])
    func theContentTypeFollowsFromNameAndContent(_ place: String, _ type: String) async {
        let answer = await sample.get("/serve/\(sample.hello.hash)/\(place)")
        #expect(answer.headers[.contentType] == type)
        #expect(answer.headers[.xContentTypeOptions] == "nosniff")
    }

    @Test func scriptsOfAPathDoNotRun() async {
        let answer = await sample.get("/serve/\(sample.hello.hash)/share/page.html")
        #expect(answer.headers[.contentSecurityPolicy] == "sandbox")
    }

    @Test func aDirectoryHasAPageWithLinks() async throws {
        let answer = await sample.get("/serve/\(sample.hello.hash)/")
        let text = try #require(answer.text)
        #expect(text.contains("<a href=\"/serve/\(sample.hello)/bin\">bin</a>/"))
        #expect(text.contains("<a href=\"/serve/\(sample.hello)/share\">share</a>/"))
    }

    @Test func aSymlinkToAServedPathIsARedirect() async throws {
        let other = try StorePath.named("other")
        let target = "/nix/store/\(sample.hello)/share/a b"
        sample.store.add(other, .symlink(Array(target.utf8)))
        let answer = await sample.get("/serve/\(other.hash)")
        #expect(answer.status == .found)
        #expect(answer.headers[.location] == "/serve/\(sample.hello)/share/a%20b")
        #expect(answer.headers[.contentLength] == "0")
        #expect(answer.body.isEmpty)
    }

    @Test func aSymlinkOutIsNotFollowed() async {
        let answer = await sample.get("/serve/\(sample.hello.hash)/bin/passwd")
        #expect(answer.status == .notFound)
    }
}
