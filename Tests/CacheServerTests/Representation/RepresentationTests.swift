// SPDX-License-Identifier: Apache-2.0
import CacheServer
import CacheService
import HTTPTypes
import NIOCore
import Testing

@Suite struct RepresentationTests {
    private let content = Array("0123456789".utf8)

    private func representation(
        entityTag: String? = "tag",
        allowsRanges: Bool = true
    ) -> Representation {
        Representation(
            contentType: "text/x-test",
            entityTag: entityTag,
            lifetime: .immutable,
            content: .bytes(content),
            allowsRanges: allowsRanges,
            extraHeaders: [.vary: "Accept"]
        )
    }

    @Test func theWholeIsSentWithItsValidatorLengthAndLifetime() {
        let answer = representation().answer(to: RequestFacts())
        #expect(answer.status == .ok)
        #expect(answer.text == "0123456789")
        #expect(answer.headers[.contentLength] == "10")
        #expect(answer.headers[.contentType] == "text/x-test")
        #expect(answer.headers[.eTag] == "\"tag\"")
        #expect(answer.headers[.acceptRanges] == "bytes")
        #expect(answer.headers[.cacheControl] == "public, max-age=31536000, immutable")
        #expect(answer.headers[.vary] == "Accept")
        #expect(answer.headers[.contentEncoding] == nil)
    }

    @Test func headHasTheHeadersOfGetAndNoBody() {
        for range in [nil, "bytes=1-2", "bytes=99-"] {
            let get = representation().answer(to: RequestFacts())
            let head = representation().answer(to: RequestFacts(isHead: true, range: range))
            #expect(head.headers == get.headers)
            #expect(head.status == .ok)
            #expect(head.body.isEmpty)
        }
    }

    @Test(arguments: [
        "\"tag\"", "W/\"tag\"", "*", "\"a\", \"tag\"", "\"a\",W/\"tag\"", " \t\"tag\" ",
        "\"a\",,\"tag\"",
    ])
    func whatTheClientHasIsNotSentAgain(_ field: String) {
        let answer = representation()
            .answer(to: RequestFacts(ifNoneMatch: field, range: "bytes=1-"))
        #expect(answer.status == .notModified)
        #expect(answer.body.isEmpty)
        #expect(answer.headers[.eTag] == "\"tag\"")
        #expect(answer.headers[.cacheControl] != nil)
        #expect(answer.headers[.vary] == "Accept")
        #expect(answer.headers[.contentLength] == nil)
    }

    @Test(arguments: [nil, "", "tag", "\"tag", "\"TAG\"", "\"other\"", "W/tag", "w/\"tag\""])
    func anotherTagGetsTheWhole(_ field: String?) {
        let answer = representation().answer(to: RequestFacts(ifNoneMatch: field))
        #expect(answer.status == .ok)
        #expect(answer.text == "0123456789")
    }

    @Test func withoutAValidatorNothingIsUnmodified() {
        let answer = representation(entityTag: nil).answer(to: RequestFacts(ifNoneMatch: "*"))
        #expect(answer.status == .ok)
        #expect(answer.headers[.eTag] == nil)
    }

    @Test func aPartSaysWhereItBelongsAndThatMoreMayBeAskedFor() {
        let answer = representation().answer(to: RequestFacts(range: "bytes=2-4"))
        #expect(answer.status == .partialContent)
        #expect(answer.text == "234")
        #expect(answer.headers[.contentRange] == "bytes 2-4/10")
        #expect(answer.headers[.contentLength] == "3")
        #expect(answer.headers[.acceptRanges] == "bytes")
        #expect(answer.headers[.eTag] == "\"tag\"")
        #expect(answer.headers[.contentType] == "text/x-test")
    }

    @Test func rangesBehindTheEndSayTheSize() {
        let answer = representation().answer(to: RequestFacts(range: "bytes=10-"))
        #expect(answer.status == .rangeNotSatisfiable)
        #expect(answer.headers[.contentRange] == "bytes */10")
        #expect(answer.headers[.contentLength] == "0")
        #expect(answer.body.isEmpty)
    }

    @Test func severalPartsComeInOneBodyOfTheStatedLength() {
        let answer = representation().answer(to: RequestFacts(range: "bytes=0-1,-2"))
        #expect(answer.status == .partialContent)
        #expect(answer.headers[.contentType] == "multipart/byteranges; boundary=firn-tag")
        #expect(answer.headers[.contentRange] == nil)
        let expected =
            "\r\n--firn-tag\r\nContent-Type: text/x-test\r\nContent-Range: bytes 0-1/10\r\n\r\n01"
            + "\r\n--firn-tag\r\nContent-Type: text/x-test\r\nContent-Range: bytes 8-9/10\r\n\r\n89"
            + "\r\n--firn-tag--\r\n"
        #expect(answer.text == expected)
        #expect(answer.headers[.contentLength] == "\(expected.utf8.count)")
    }

    @Test(arguments: [
        ("\"tag\"", true), ("W/\"tag\"", false), ("\"other\"", false), ("tag", false),
        ("Sat, 22 Aug 2026 10:34:49 GMT", false),
    ])
    func aRangeOfAnotherVersionGetsTheWhole(_ ifRange: String, _ isPartial: Bool) {
        let answer = representation()
            .answer(to: RequestFacts(range: "bytes=2-4", ifRange: ifRange))
        #expect(answer.status == (isPartial ? .partialContent : .ok))
        #expect(answer.text == (isPartial ? "234" : "0123456789"))
    }

    @Test func ifRangeWithoutAValidatorGetsTheWhole() {
        let answer = representation(entityTag: nil)
            .answer(to: RequestFacts(range: "bytes=2-4", ifRange: "\"tag\""))
        #expect(answer.status == .ok)
    }

    @Test func whatHasNoPartsIsSentWholeAndDoesNotOfferThem() {
        let answer = representation(allowsRanges: false)
            .answer(to: RequestFacts(range: "bytes=2-4"))
        #expect(answer.status == .ok)
        #expect(answer.headers[.acceptRanges] == nil)
        #expect(answer.headers[.contentLength] == "10")
    }
}
