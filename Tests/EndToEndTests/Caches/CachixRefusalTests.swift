// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

/// What `cachix` would not send, and Firn must not take.
@Suite(.fewAtATime)
struct CachixRefusalTests {
    @Test(arguments: [
        ("POST", "/narinfo", "[\"x\"]"), ("POST", "/narinfo", "{}"), ("POST", "/narinfo", "["),
        ("POST", "/narinfo", "[7]"), ("POST", "/multipart-nar", ""),
        ("POST", "/multipart-nar?compression=gz", ""), ("POST", "/pin", "{\"name\":\"x\"}"),
        ("POST", "/pin", "{\"name\":\"x\",\"storePath\":\"/etc/passwd\",\"artifacts\":[]}"),
        ("POST", "/key", "7"), ("POST", "/multipart-nar/%ff?compression=zst", ""),
    ])
    func malformedRequestsAre400(_ method: String, _ place: String, _ body: String) async throws {
        try await withLeaf { _, cachix, _ in
            let answer = try await cachix.ask(method, place, Array(body.utf8))
            #expect(answer.status == 400)
        }
    }

    @Test func whatIsThereTakesOneMethod() async throws {
        try await withLeaf { _, cachix, _ in
            for place in ["/narinfo", "/pin", "/key", "/multipart-nar?compression=zst"] {
                for method in ["GET", "PUT"] {
                    let answer = try await cachix.ask(method, place, method == "GET" ? nil : [1])
                    #expect(answer.status == 405 && answer["Allow"] == "POST", "\(place)")
                }
            }
            for method in ["POST", "PUT", "DELETE"] {
                let answer = try await cachix.ask(method, "", method == "DELETE" ? nil : [1])
                #expect(answer.status == 405 && answer["Allow"] == "GET, HEAD", "\(method)")
            }
            for place in ["/nothing", "/../team"] {
                let answer = try await cachix.ask("GET", place)
                #expect(answer.status == 404)
            }
        }
    }

    @Test func questionsAreBounded() async throws {
        try await withLeaf { setup, cachix, _ in
            let hash = setup.top.storeHash
            let most =
                "[" + repeatElement("\"\(hash)\"", count: 32_768).joined(separator: ",") + "]"
            let answer = try await cachix.ask("POST", "/narinfo", Array(most.utf8))
            #expect(answer.text == "[\"\(hash)\"]")
            let more = Array(most.replacing("]", with: ",\"\(hash)\"]").utf8)
            let spaces = [UInt8](repeating: 0x20, count: 3 << 20)
            let large = [
                ("/narinfo", more), ("/narinfo", spaces), ("/pin", Array(spaces.prefix(70_000))),
            ]
            for (place, body) in large {
                let answer = try await cachix.ask("POST", place, body)
                #expect(answer.status == 413)
            }
        }
    }

    @Test func partsAreWhatWasAnnounced() async throws {
        try await withLeaf { _, cachix, leaf in
            let upload = try await cachix.begin()
            for number in [0, -1, 10_001, Int.max] {
                let status = try await refusal {
                    _ = try await cachix.announce(leaf.file, number, upload)
                }
                #expect(status == 400, "\(number)")
            }
            let place = "/multipart-nar/\(upload.narId.uuidString.lowercased())"
            for body in ["{}", "{\"contentMD5\":\"x\"}", "{\"contentMD5\":\"AAAA\"}"] {
                let target = "\(place)?uploadId=\(upload.uploadId)&partNumber=1"
                #expect(try await cachix.ask("POST", target, Array(body.utf8)).status == 400)
            }
            let url = try await cachix.announce(leaf.file, 1, upload)
            #expect(!url.contains(cachix.token) && !url.contains(upload.uploadId))
            let wrong = try await cachix.put(leaf.file, to: url, contentMD5: "AAAA")
            #expect(wrong.status == 400 && wrong.text.contains("Content-MD5"))
            var damaged = leaf.file
            damaged[7] ^= 1
            let check = Base64.encode(MD5Digest.digest(of: leaf.file))
            let other = try await cachix.put(damaged, to: url, contentMD5: check)
            #expect(other.status == 400 && other.text.contains("MD5"))
            let status1 = try await refusal { try await cachix.complete(upload, leaf, nil) }
            #expect(status1 == 422)
            // To another part, of another upload, with another key.
            #expect(
                try await cachix.put(leaf.file, to: url.replacing("/1?", with: "/2?")).status == 404
            )
            let second = try await cachix.begin()
            let (one, two) = (upload.narId.uuidString, second.narId.uuidString)
            let elsewhere = url.replacing(one.lowercased(), with: two.lowercased())
            #expect(try await cachix.put(leaf.file, to: elsewhere).status == 404)
            let key = try #require(url.firstMatch(of: /key=(.*)/)?.1)
            let guess = url.replacing(key, with: String(repeating: "0", count: 52))
            #expect(try await cachix.put(leaf.file, to: guess).status == 404)
            #expect(try await cachix.put(leaf.file, to: url).status == 200)
        }
    }

    @Test func aPartThatBreaksOffCanComeAgain() async throws {
        try await withLeaf { setup, cachix, leaf in
            let upload = try await cachix.begin()
            let url = try await cachix.announce(leaf.file, 1, upload)
            let target = String(url.dropFirst("http://127.0.0.1:\(setup.server.port)".count))
            try await setup.server.onConnection { connection in
                let fields = [(name: "Content-Length", value: "\(leaf.file.count)")]
                let request = HTTPRequest(target, method: "PUT", fields: fields)
                try connection.socket.write(request.bytes + leaf.file.prefix(leaf.file.count / 2))
                connection.socket.cut()
            }
            let status2 = try await refusal { try await cachix.complete(upload, leaf, nil) }
            #expect(status2 == 422)
            let tags = try await cachix.sendParts(of: leaf, upload)
            // The last of several counts.
            _ = try await cachix.sendPart(Array("nonsense".utf8), 1, upload)
            #expect(try await cachix.sendParts(of: leaf, upload).map(\.1) == tags.map(\.1))
            try await cachix.complete(upload, leaf, nil)
            #expect(try await setup.isVisible(leaf, cachix))
        }
    }

    @Test func theListOfPartsHasToBeThatOfWhatCame() async throws {
        try await withLeaf { setup, cachix, leaf in
            var cachix = cachix
            cachix.chunkBytes = leaf.file.count / 2 + 1
            let upload = try await cachix.begin()
            let tags = try await cachix.sendParts(of: leaf, upload)
            #expect(tags.count == 2)
            func part(_ number: Int, _ tag: String) -> String {
                "{\"partNumber\":\(number),\"eTag\":\(tag)}"
            }
            let right = tags.map { part($0.0, $0.1) }
            let wrong = [
                [], [right[0]], [right[0], right[0]], [right[0], part(2, tags[0].1)],
                [right[0], right[1], part(3, tags[1].1)], [right[0], part(2, "\"\"")],
            ]
            for list in wrong {
                let status = try await refusal { try await cachix.complete(upload, leaf, list) }
                #expect(status == 422, "\(list)")
            }
            for list in [["7"], [part(1, "7")], [right[0].replacing("1", with: "1e99")]] {
                let status = try await refusal { try await cachix.complete(upload, leaf, list) }
                #expect(status == 400, "\(list)")
            }
            try await cachix.complete(upload, leaf, right)
            // The answer may have been lost.
            try await cachix.complete(upload, leaf, right)
            let other = try await refusal {
                try await cachix.complete(upload, leaf, right) {
                    $0 = $0.replacing("unknown-deriver", with: "\(leaf.hash)-x.drv")
                        .replacing(
                            /"cDeriver":"[^"]*"/,
                            with: "\"cDeriver\":\"\(leaf.hash)-x.drv\""
                        )
                }
            }
            #expect(other == 404)
            let status3 = try await refusal { try await cachix.abort(upload) }
            #expect(status3 == 404)
            let late = try await refusal { _ = try await cachix.sendPart([1], 3, upload) }
            #expect(late == 404)
        }
    }

    @Test func theNARInfoHasToBeTrue() async throws {
        try await withLeaf { setup, cachix, leaf in
            let upload = try await cachix.begin()
            _ = try await cachix.sendParts(of: leaf, upload)
            let zeros = String(repeating: "0", count: 52)
            let changes: [(String, String, Int)] = [
                ("\"cNarHash\":\"[^\"]*\"", "\"cNarHash\":\"sha256:\(zeros)\"", 422),
                ("\"cNarHash\":\"[^\"]*\"", "\"cNarHash\":\"md5:\(zeros.prefix(32))\"", 422),
                ("\"cNarHash\":\"[^\"]*\"", "\"cNarHash\":\"x\"", 400),
                ("\"cNarSize\":[0-9]*", "\"cNarSize\":17", 422),
                ("\"cNarSize\":[0-9]*", "\"cNarSize\":0", 400),
                ("\"cNarSize\":[0-9]*", "\"cNarSize\":-1", 400),
                ("\"cNarSize\":[0-9]*", "\"cNarSize\":1e300", 400),
                ("\"cNarSize\":[0-9]*", "\"cNarSize\":18446744073709551615", 400),
                ("\"cFileSize\":[0-9]*", "\"cFileSize\":17", 422),
                ("\"cFileHash\":\"[^\"]*\"", "\"cFileHash\":\"\(zeros)\"", 422),
                ("\"cFileHash\":\"[^\"]*\"", "\"cFileHash\":\"../x\"", 400),
                ("\"cStoreHash\":\"[^\"]*\"", "\"cStoreHash\":\"../../etc\"", 400),
                ("\"cStoreSuffix\":\"[^\"]*\"", "\"cStoreSuffix\":\"a/b\"", 400),
                ("\"cReferences\":.[^]]*]", "\"cReferences\":[\"x\"]", 400),
                ("\"cDeriver\":\"[^\"]*\"", "\"cDeriver\":\"x\"", 400),
                ("\"cSig\":null", "\"cSig\":\"AAAA\"", 400),
                ("\"cSig\":null,?", "\"cSig\":7", 400), ("\"narInfoCreate\"", "\"other\"", 400),
            ]
            for (pattern, replacement, expected) in changes {
                let status = try await refusal {
                    try await cachix.complete(upload, leaf, nil) { body in
                        let changed = body.replacingOccurrences(
                            of: pattern,
                            with: replacement,
                            options: .regularExpression
                        )
                        #expect(changed != body, "\(pattern)")
                        body = changed
                    }
                }
                #expect(status == expected, "\(replacement)")
                #expect(try await setup.isVisible(leaf, cachix) == false)
            }
            try await cachix.complete(upload, leaf, nil)
            #expect(try await setup.isVisible(leaf, cachix))
        }
    }

    @Test func bytesThatAreNoNARAreRefusedForGood() async throws {
        try await withLeaf { _, cachix, leaf in
            let upload = try await cachix.begin()
            _ = try await cachix.sendPart(Array("nonsense".utf8), 1, upload)
            for _ in 0..<2 {
                let status4 = try await refusal { try await cachix.complete(upload, leaf, nil) }
                #expect(status4 == 422)
            }
            let truncated = try await cachix.begin()
            _ = try await cachix.sendPart(Array(leaf.file.dropLast(9)), 1, truncated)
            let status5 = try await refusal { try await cachix.complete(truncated, leaf, nil) }
            #expect(status5 == 422)
            let empty = try await cachix.begin()
            let status6 = try await refusal { try await cachix.complete(empty, leaf, nil) }
            #expect(status6 == 422)
            let gap = try await cachix.begin()
            _ = try await cachix.sendPart(leaf.file, 2, gap)
            let status7 = try await refusal { try await cachix.complete(gap, leaf, nil) }
            #expect(status7 == 422)
        }
    }

    @Test func anUploadIsItsSendersAlone() async throws {
        try await withLeaf { setup, cachix, leaf in
            try await setup.administration.firn("cache", "create", "other").requireSuccess()
            let both = try await setup.administration.token("*", "push,pull")
            let upload = try await cachix.begin()
            _ = try await cachix.sendParts(of: leaf, upload)
            let somebody = try await setup.cachix()
            var elsewhere = CachixClient(port: setup.server.port, token: both)
            elsewhere.name = "other"
            var forged = upload
            forged.uploadId = String(repeating: "0", count: 52)
            for (client, upload) in [(somebody, upload), (elsewhere, upload), (cachix, forged)] {
                let complete = try await refusal { try await client.complete(upload, leaf, nil) }
                let announce = try await refusal { _ = try await client.announce([1], 1, upload) }
                let abort = try await refusal { try await client.abort(upload) }
                #expect(complete == 404 && announce == 404 && abort == 404)
            }
            let reader = try await setup.cachix("pull")
            let status8 = try await refusal { _ = try await reader.begin() }
            #expect(status8 == 403)
            let status9 = try await refusal { try await reader.complete(upload, leaf, nil) }
            #expect(status9 == 403)
            try await cachix.abort(upload)
            let status10 = try await refusal { try await cachix.complete(upload, leaf, nil) }
            #expect(status10 == 404)
        }
    }
}
