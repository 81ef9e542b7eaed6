// SPDX-License-Identifier: Apache-2.0
import CacheServer
import HTTPTypes
import NixFormat
import StoreTestSupport
import Testing

@Suite struct NixRouteTests {
    private let sample: SampleCache

    init() throws {
        sample = try SampleCache()
    }

    @Test(arguments: [
        (".ls", "application/json"), (".narinfo", "text/x-nix-narinfo"),
    ])
    func pathsHaveTheirTypes(_ ending: String, _ type: String) async {
        let answer = await sample.get("/\(sample.hello.hash)\(ending)")
        #expect(answer.headers[.contentType] == type)
        #expect(answer.headers[.cacheControl] == "public, max-age=60")
    }

    @Test func aLogIsPlainText() async throws {
        let answer = await sample.get("/log/\(sample.hello)")
        #expect(answer.headers[.contentType] == "text/plain; charset=utf-8")
        #expect(answer.headers[.contentLength] == "6")
        #expect(try answer.readBody() == Array("built\n".utf8))
    }

    @Test func aCompressedLogHasNoLengthAndNoRanges() async throws {
        let drv = try StorePath.named("packed.drv")
        sample.store.change { $0.logs[drv] = MemoryLog([], .zstd) }
        let answer = await sample.get("/log/\(drv)")
        #expect(answer.status == .ok)
        #expect(answer.headers[.contentLength] == nil)
        #expect(answer.headers[.acceptRanges] == nil)
        #expect(answer.headers[.contentEncoding] == nil)
    }

    @Test func debugInfoIsWhatNixUploads() async throws {
        let answer = await sample.get("/debuginfo/\(SampleCache.buildID).debug")
        let text = try #require(answer.text)
        let member = "lib/debug/.build-id/ab/\(SampleCache.buildID.dropFirst(2)).debug"
        #expect(text.hasPrefix(#"{"archive":"../nar/"#))
        #expect(text.hasSuffix(#".nar","member":"\#(member)"}"#))
        #expect(answer.headers[.contentType] == "application/json")
    }

    @Test func realisationsOfBothSchemesAreJSON() async throws {
        for target in sample.targets where target.hasSuffix(".doi") {
            let answer = await sample.get(target)
            #expect(answer.headers[.contentType] == "application/json")
            #expect(try #require(answer.text).contains("test-1"))
        }
    }
}
