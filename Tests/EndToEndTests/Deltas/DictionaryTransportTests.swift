// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

extension DeltaTests {
    /// What a client sees that knows RFC 9842 and nothing of Firn.
    @Suite struct DictionaryTransportTests {
        private let corpus: DeltaCorpus

        init() throws {
            corpus = try DeltaCorpus.prepared()
        }

        private func target(_ path: String) async throws -> (target: String, nar: [UInt8]) {
            let nar = try await corpus.store.nar(of: path)
            let hash = SHA256Hasher.hash(nar).digestText(.nix32)
            return ("/nar/\(path.storeHash)-\(hash).nar", nar)
        }

        private func fields(
            _ dictionary: [UInt8],
            coding: String = "gzip, br, zstd, dcb, dcz"
        ) -> [(name: String, value: String)] {
            let hash = Base64.encode(SHA256Hasher.hash(dictionary).digest)
            return [("Accept-Encoding", coding), ("Available-Dictionary", ":\(hash):")]
        }

        @Test func aForeignClientGetsWhatTheCommandZstdUnpacks() async throws {
            let (target, nar) = try await target(corpus.rebuilt)
            let base = try await corpus.store.nar(of: corpus.old)
            try await corpus.withBuilder { builder in
                let answer = try await builder.get(target, fields: fields(base))
                #expect(answer.status == 200)
                #expect(answer["Content-Encoding"] == "dcz")
                let vary = try #require(answer["Vary"]).lowercased()
                #expect(vary.contains("accept-encoding") && vary.contains("available-dictionary"))
                #expect(answer["Use-As-Dictionary"]?.contains("match=\"/nar/*.nar\"") == true)
                #expect(answer["Accept-Ranges"] == nil)
                #expect(answer.body.count < nar.count / 10)
                #expect(answer.body.prefix(8) == [0x5E, 0x2A, 0x4D, 0x18, 0x20, 0, 0, 0])
                #expect(Array(answer.body[8..<40]) == SHA256Hasher.hash(base).digest)
                let unpacked = try await unpack(Array(answer.body.dropFirst(40)), with: base)
                #expect(unpacked == nar)
                let plain = try await builder.get(target)
                // A delta may be made anew with other bytes: RFC 9110, 8.8.1.
                #expect(answer["ETag"]?.hasPrefix("W/\"") == true)
                #expect(plain["ETag"]?.hasPrefix("\"") == true)
                let known = [("If-None-Match", answer["ETag"] ?? "")]
                let again = try await builder.get(target, fields: fields(base) + known)
                #expect(again.status == 304)
                #expect(again["Vary"] == answer["Vary"])
            }
        }

        private func unpack(_ frame: [UInt8], with base: [UInt8]) async throws -> [UInt8] {
            try await withTemporaryDirectory { directory in
                let (dictionary, file) = (directory.path("base"), directory.path("frame"))
                try Data(base).write(to: URL(filePath: dictionary))
                try Data(frame).write(to: URL(filePath: file))
                let arguments = ["-dcq", "-D", dictionary, "--long=27", file]
                return try await Command("zstd", arguments).run(deadline: .seconds(60))
                    .requireSuccess().output
            }
        }

        /// The fields that change nothing.
        @Test(arguments: [
            "gzip, br, zstd", "dcz;q=0, gzip", "identity", "dcb",
        ])
        func whoDoesNotReadItGetsTheNAR(_ coding: String) async throws {
            let (target, nar) = try await target(corpus.rebuilt)
            let base = try await corpus.store.nar(of: corpus.old)
            try await corpus.withBuilder { builder in
                let answer = try await builder.get(target, fields: fields(base, coding: coding))
                #expect(answer.status == 200)
                #expect(answer["Content-Encoding"] == nil)
                #expect(answer.body == nar)
            }
        }

        @Test(arguments: [
            "", "abc", ":abc:", ":AAAA:", "::", ":not base64 at all but forty-four long....:",
        ])
        func aFieldThatIsNoneIsPassedOver(_ dictionary: String) async throws {
            let (target, nar) = try await target(corpus.rebuilt)
            try await corpus.withBuilder { builder in
                let answer = try await builder.get(
                    target,
                    fields: [("Accept-Encoding", "dcz"), ("Available-Dictionary", dictionary)]
                )
                #expect(answer.status == 200)
                #expect(answer["Content-Encoding"] == nil)
                #expect(answer.body == nar)
            }
        }

        @Test func aDictionaryThatNobodyHasGivesTheOrdinaryForm() async throws {
            let (target, nar) = try await target(corpus.rebuilt)
            try await corpus.withBuilder { builder in
                let answer = try await builder.get(
                    target,
                    fields: fields([1, 2, 3], coding: "dcz")
                )
                #expect(answer.body == nar)
                #expect(answer["Vary"] != nil)
                try await builder.compressAhead([corpus.rebuilt], within: .seconds(60))
                let packed = try await builder.get(target, fields: fields([1, 2, 3]))
                #expect(packed["Content-Encoding"] == "zstd")
                let file = try await builder.get("\(target).zst")
                #expect(packed.body == file.body)
            }
        }

        @Test func aPartAndAHeadAreOfTheNARItself() async throws {
            let (target, nar) = try await target(corpus.rebuilt)
            let base = try await corpus.store.nar(of: corpus.old)
            try await corpus.withBuilder { builder in
                let part = try await builder.get(
                    target,
                    fields: fields(base) + [("Range", "bytes=10-19")]
                )
                #expect(part.status == 206)
                #expect(part["Content-Encoding"] == nil)
                #expect(part.body == Array(nar[10..<20]))
                let head = HTTPRequest(target, method: "HEAD", fields: fields(base))
                let headed = try await builder.ask(head)
                #expect(headed["Content-Length"] == "\(nar.count)")
                // RFC 9110, 9.3.2 and 15.3.7: both say what the whole answer would have depended on.
                for answer in [part, headed] {
                    #expect(answer["Vary"]?.contains("Available-Dictionary") == true)
                }
            }
        }
    }
}
