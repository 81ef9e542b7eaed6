// SPDX-License-Identifier: Apache-2.0
import CacheServer
import CacheService
import HTTPTypes
import Logging
import NixFormat
import NixStore
import StoreTestSupport
import Testing

@Suite struct CacheResponderTests {
    private let sample: SampleCache

    init() throws {
        sample = try SampleCache()
    }

    /// One target for each endpoint that is there.
    @Test func everyEndpointAnswers() async throws {
        for target in sample.targets {
            let answer = await sample.get(target, RequestFacts(isFromThisMachine: true))
            #expect(answer.status == .ok, "\(target)")
            #expect(answer.headers[.contentType] != nil, "\(target)")
            #expect(answer.headers[.contentEncoding] == nil, "\(target)")
            #expect(answer.headers[.cacheControl] != nil, "\(target)")
        }
    }

    @Test func questionsOfFirnItselfAreForThisMachineAlone() async throws {
        for target in ["/status", "/api/v1/status", "/api/v1/explain/\(sample.hello.hash)"] {
            #expect(await sample.get(target).status == .notFound)
            let facts = RequestFacts(isFromThisMachine: true)
            #expect(await sample.get(target, facts).status == .ok)
        }
    }

    @Test func aRequestThatComesBackIsALoop() async throws {
        for target in sample.targets {
            let answer = await sample.get(target, RequestFacts(via: "other, \(sample.node.id)"))
            #expect(answer.status.code == 508, "\(target)")
        }
    }

    @Test func everyKindOfEndpointIsAmongTheTargets() throws {
        let kinds = try sample.targets.map { EndpointKind(try Endpoint(parsing: $0)) }
        let missing = Set(EndpointKind.allCases).subtracting(kinds)
        // There are no named caches in this one, and the page of its state is not for all.
        #expect(missing == [.unrecognised, .cachix, .statusPage, .statusEvents])
    }

    /// Whatever is asked, HEAD says what GET would.
    @Test func headHasTheHeadersOfGet() async throws {
        for target in sample.targets + sample.refusedTargets {
            for field in [nil, "*", "\"other\""] {
                let get = await sample.get(target, RequestFacts(ifNoneMatch: field, host: "h:1"))
                let head = await sample.answer(
                    .head,
                    target,
                    RequestFacts(isHead: true, ifNoneMatch: field, host: "h:1")
                )
                // Two readings of the numbers differ, and so may their length.
                if target == "/metrics" { continue }
                #expect(head.status == get.status, "\(target)")
                #expect(head.headers == get.headers, "\(target)")
                #expect(head.body.isEmpty, "\(target)")
            }
        }
    }

    @Test func theStatedLengthIsThatOfTheBody() async throws {
        for target in sample.targets + sample.refusedTargets where !target.hasPrefix("/nar/") {
            let answer = await sample.get(target)
            let body = try answer.readBody()
            if let length = answer.headers[.contentLength] {
                #expect(length == "\(body.count)", "\(target)")
            }
        }
    }

    @Test func whatHasAValidatorIsNotSentTwice() async throws {
        for target in sample.targets {
            guard let tag = await sample.get(target).headers[.eTag] else { continue }
            let answer = await sample.get(target, RequestFacts(ifNoneMatch: tag))
            #expect(answer.status == .notModified, "\(target)")
            #expect(answer.body.isEmpty, "\(target)")
        }
    }

    @Test func whatOffersRangesGivesThem() async throws {
        for target in sample.targets where !target.hasPrefix("/nar/") {
            let whole = await sample.get(target)
            let body = try whole.readBody()
            guard whole.headers[.acceptRanges] == "bytes", body.count > 1 else { continue }
            let part = await sample.get(target, RequestFacts(range: "bytes=1-"))
            #expect(part.status == .partialContent, "\(target)")
            #expect(try part.readBody() == Array(body.dropFirst()), "\(target)")
        }
    }

    @Test(arguments: ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "X"])
    func otherMethodsAreRefused(_ name: String) async throws {
        let method = try #require(HTTPRequest.Method(name))
        let answer = await sample.answer(method, "/nix-cache-info", RequestFacts())
        #expect(answer.status == .methodNotAllowed)
        #expect(answer.headers[.allow] == "GET, HEAD")
    }

    @Test func refusalsSayNothingOfThisMachine() async throws {
        for target in sample.refusedTargets {
            let answer = await sample.get(target)
            #expect((400..<500).contains(answer.status.code), "\(target)")
            let text = try #require(answer.text)
            #expect(!text.contains("/nix") && !text.contains("errno"), "\(target)")
            #expect(text.utf8.count < 200, "\(target)")
        }
    }

    @Test func aFailingDatabaseIsUnavailableAndNeverAbsent() async throws {
        sample.store.change { contents in
            contents.databaseFailure = .databaseUnavailable(path: "/nix/var/db", reason: "locked")
            contents.paths = [:]
        }
        for target in sample.databaseTargets {
            let answer = await sample.get(target)
            #expect(answer.status == .serviceUnavailable, "\(target)")
            #expect(answer.headers[.cacheControl] == "no-store", "\(target)")
            #expect(try !#require(answer.text).contains("/nix"), "\(target)")
        }
        for target in ["/", "/nix-cache-info", "/healthz", "/metrics"] {
            #expect(await sample.get(target).status == .ok, "\(target)")
        }
    }

    @Test func anAbsentPathIsNotFound() async throws {
        sample.store.change { contents in
            contents.paths = [:]
            contents.realisations = [:]
            contents.buildTrace = []
        }
        for target in sample.databaseTargets where target != "/readyz" {
            #expect(await sample.get(target).status == .notFound, "\(target)")
        }
    }
}
