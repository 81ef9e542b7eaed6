// SPDX-License-Identifier: Apache-2.0
import CacheServer
import CacheService
import HTTPTypes
import Testing

@Suite struct ErrorResponseTests {
    private struct Cause: Error, CustomStringConvertible {
        var description: String { "/nix/var/nix/db/db.sqlite: disk I/O error" }
    }

    @Test(arguments: [
        (CacheError.notFound, 404), (.malformed("not a name"), 400),
        (.storageUnavailable(Cause()), 503), (.notAllowed("no", hasCredentials: true), 403),
        (.notAllowed("no", hasCredentials: false), 401), (.conflict("there is one"), 409),
        (.refused("another hash"), 422), (.tooLarge("too much"), 413), (.noRoom("full"), 507),
        (.tooMany("later"), 429),
    ])
    func everyErrorHasAStatusAPhraseAndItsLength(_ error: CacheError, _ status: Int) throws {
        let answer = ErrorResponse.answer(to: error, isHead: false)
        #expect(answer.status.code == status)
        let text = try #require(answer.text)
        #expect(text.hasSuffix("\n") && text.count > 1)
        #expect(answer.headers[.contentLength] == "\(text.utf8.count)")
        #expect(answer.headers[.contentType] == "text/plain; charset=utf-8")
        #expect(answer.headers[.cacheControl] == "no-store")
    }

    @Test func theCauseStaysHere() throws {
        let answer = ErrorResponse.answer(to: .storageUnavailable(Cause()), isHead: false)
        #expect(try !#require(answer.text).contains("nix"))
        #expect(answer.headers[.retryAfter] == "5")
    }

    @Test func headHasTheHeadersOfGet() {
        for error in [CacheError.notFound, .malformed("x"), .storageUnavailable(Cause())] {
            let get = ErrorResponse.answer(to: error, isHead: false)
            let head = ErrorResponse.answer(to: error, isHead: true)
            #expect(get.headers == head.headers)
            #expect(get.status == head.status)
            #expect(head.body.isEmpty)
        }
    }

    @Test func anotherMethodIsToldWhichThereAre() {
        let answer = ErrorResponse.methodNotAllowed()
        #expect(answer.status == .methodNotAllowed)
        #expect(answer.headers[.allow] == "GET, HEAD")
        #expect(answer.text == "only GET and HEAD\n")
        #expect(ErrorResponse.methodNotAllowed("POST").headers[.allow] == "POST")
    }
}
