// SPDX-License-Identifier: Apache-2.0
import CacheServer
import NIOCore
import Testing

@Suite struct LaneRequestTests {
    private func read(_ text: String) -> LaneRequest.Reading {
        LaneRequest.read(ByteBuffer(string: text))
    }

    @Test func aPlainGetIsRead() {
        let text = "GET /nar/x.nar?hash=y HTTP/1.1\r\nHost: cache:5000\r\nAccept: */*\r\n\r\n"
        var expected = LaneRequest(target: "/nar/x.nar?hash=y")
        expected.facts.host = "cache:5000"
        #expect(read(text) == .request(expected, sizeBytes: text.utf8.count))
    }

    @Test func whatFollowsTheHeadIsLeft() {
        let first = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        guard case .request(_, let sizeBytes) = read(first + "GET /second HTTP/1.1\r\n") else {
            Issue.record("not read")
            return
        }
        #expect(sizeBytes == first.utf8.count)
    }

    @Test func conditionsAndRangesAreKept() {
        let text =
            "HEAD /a HTTP/1.1\r\nrange:bytes=0-1 \r\nIf-Range: \"a\"\r\nIF-NONE-MATCH:\t\"b\"\r\n\r\n"
        guard case .request(let request, _) = read(text) else {
            Issue.record("not read")
            return
        }
        #expect(request.isHead && request.facts.isHead)
        #expect(request.facts.range == "bytes=0-1")
        #expect(request.facts.ifRange == "\"a\"")
        #expect(request.facts.ifNoneMatch == "\"b\"")
    }

    @Test(arguments: [
        "POST / HTTP/1.1\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "GET /a b HTTP/1.1\r\n\r\n",
        "GET http://x/ HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n", " GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n", "GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n",
        "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\u{7F}\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\u{0}\r\n\r\n",
        "GET / HTTP/1.1\r\nnocolon\r\n\r\n", "GET / HTTP/1.1\r\n: empty\r\n\r\n",
        "GET /\u{1} HTTP/1.1\r\n\r\n", "", "GET", "\r\n\r\n",
    ])
    func anythingUnusualIsLeftToTheFramework(_ text: String) {
        #expect(read(text) == .other)
    }

    @Test func anIncompleteHeadIsLeftAtEveryByte() {
        let text = "GET /x HTTP/1.1\r\nHost: a\r\nRange: bytes=0-\r\n\r\n"
        for count in 0..<text.utf8.count {
            #expect(
                read(String(decoding: text.utf8.prefix(count), as: UTF8.self)) == .other,
                "after \(count) bytes"
            )
        }
    }
}
