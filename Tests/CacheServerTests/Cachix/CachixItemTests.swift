// SPDX-License-Identifier: Apache-2.0
import CacheServer
import CacheService
import Caches
import NixFormat
import Testing

@Suite struct CachixItemTests {
    private static let base = "/api/v1/cache/team"
    private static let id = "6f1c2d3e-0000-4000-8000-0123456789ab"
    private static let secret = String(repeating: "0", count: 51) + "1"
    private static let md5 = "00112233445566778899aabbccddeeff"

    private let name: CacheName
    private let ticket: UploadTicket

    init() throws {
        name = try CacheName(parsing: "team")
        ticket = UploadTicket(
            id: try #require(UploadID(parsing: Self.id)),
            secret: try #require(UploadSecret(parsing: Self.secret))
        )
    }

    @Test func everythingThatIsAskedForIsFound() throws {
        let hash = try StorePathHash(parsing: EndpointTests.hashText)
        let upload = "/multipart-nar/\(Self.id)"
        let place = try #require(PartPlace(number: 7, md5: try Base16.decode(Self.md5)))
        let expected: [(String, CachixItem)] = [
            ("", .facts), ("/", .facts), ("/narinfo", .missingPaths), ("/pin", .pin),
            ("/key", .key), ("/nix-cache-info", .item(.cacheInfo)),
            ("/\(hash).narinfo", .item(.narInfo(hash))),
            ("/multipart-nar?compression=zst", .beginUpload(.zstd)),
            ("/multipart-nar?a=b&compression=xz", .beginUpload(.xz)),
            ("\(upload)?uploadId=\(Self.secret)&partNumber=7", .announcePart(ticket, number: 7)),
            ("\(upload)?partNumber=%37&uploadId=\(Self.secret)", .announcePart(ticket, number: 7)),
            ("\(upload)/complete?uploadId=\(Self.secret)", .completeUpload(ticket)),
            ("\(upload)/abort?uploadId=\(Self.secret)", .abortUpload(ticket)),
            (
                "\(upload)/7?md5=\(Self.md5)&key=\(Self.secret)",
                .part(ticket.id, place, key: ticket.secret)
            ),
        ]
        for (rest, item) in expected {
            let endpoint = try Endpoint(parsing: Self.base + rest)
            #expect(endpoint == .cachix(name, item), "\(rest)")
            #expect(try Endpoint(parsing: "/api/v1/cache/te%61m\(rest)") == endpoint)
        }
    }

    @Test(arguments: [
        "/api/v1/cache", "/api/v1/cache/", "/api/v1/cache/Team", "/api/v1/cache/..",
        "/api/v1/cache/nar", "/api/v2/cache/team", "\(base)/x", "\(base)/pin/x", "\(base)/../team",
        "\(base)/nar/\(EndpointTests.narHashText).nar.xz", "\(base)/metrics", "\(base)//",
        "\(base)/multipart-nar/x?partNumber=1&uploadId=\(secret)",
        "\(base)/multipart-nar/\(id)?partNumber=1", "\(base)/multipart-nar/\(id)/complete",
        "\(base)/multipart-nar/\(id)/complete?uploadId=x",
        "\(base)/multipart-nar/\(id)/0?md5=\(md5)&key=\(secret)",
        "\(base)/multipart-nar/\(id)/10001?md5=\(md5)&key=\(secret)",
        "\(base)/multipart-nar/\(id)/1?md5=\(md5)00&key=\(secret)",
        "\(base)/multipart-nar/\(id)/1?md5=\(md5)&key=\(secret)0",
        "\(base)/multipart-nar/\(id)/1?md5=\(md5)", "\(base)/multipart-nar/\(id)/1/2",
    ])
    func whatWasNotGivenOutIsNotFound(_ target: String) {
        #expect(refusal(of: target) == "not found")
    }

    @Test(arguments: [
        "\(base)/multipart-nar", "\(base)/multipart-nar?compression=gz",
        "\(base)/multipart-nar?compression=%ff", "\(base)/multipart-nar?compression=%",
        "\(base)/multipart-nar/\(id)?uploadId=\(secret)",
        "\(base)/multipart-nar/\(id)?uploadId=\(secret)&partNumber=0",
        "\(base)/multipart-nar/\(id)?uploadId=\(secret)&partNumber=99999999999999999999",
        "\(base)/x.narinfo", "\(base)/%ff",
    ])
    func whatIsMalformedIsSaidToBe(_ target: String) throws {
        #expect(try #require(refusal(of: target)) != "not found")
    }

    private func refusal(of target: String) -> String? {
        do throws(CacheError) {
            _ = try Endpoint(parsing: target)
            return nil
        } catch {
            return "\(error)"
        }
    }
}
