// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

extension ServedClosureTests {
    /// Ranges as RFC 9110 has them, compared with slices of the whole.
    @Suite struct RangeTests {
        private let served: ServedClosure

        init() throws {
            served = try ServedClosureTests.served()
        }

        @Test(arguments: ["odd", "many", "large"])
        func theWholeIsWhatNixDumps(_ name: String) async throws {
            let whole = try await Whole(of: name, in: .identity, from: served)
            let dump = try await served.store.nar(of: try served.path(name))
            #expect(Bytes(whole.answer.body) == Bytes(dump))
            #expect(whole.answer["Accept-Ranges"] == "bytes")
            #expect(whole.answer["Content-Encoding"] == nil)
            #expect(whole.answer["Content-Length"] == "\(dump.count)")
        }

        @Test(arguments: WireForm.allCases, ["odd", "many", "large"])
        func aSingleRangeIsThatSlice(_ form: WireForm, _ name: String) async throws {
            let whole = try await Whole(of: name, in: form, from: served)
            let size = whole.answer.body.count
            var random = SeededRandom()
            for _ in 0..<40 {
                let first = Int.random(in: 0..<size, using: &random)
                let last = min(first + Int.random(in: 0..<300_000, using: &random), size - 1)
                let part = try await whole.get(range: "bytes=\(first)-\(last)")
                #expect(part.status == 206, "\(random)")
                #expect(part["Content-Range"] == "bytes \(first)-\(last)/\(size)", "\(random)")
                #expect(part["Accept-Ranges"] == "bytes")
                #expect(part["Content-Encoding"] == nil)
                #expect(part["ETag"] == whole.answer["ETag"])
                #expect(Bytes(part.body) == Bytes(whole.answer.body[first...last]), "\(random)")
            }
        }

        @Test(arguments: WireForm.allCases)
        func openAndSuffixRangesReachTheEnd(_ form: WireForm) async throws {
            let whole = try await Whole(of: "many", in: form, from: served)
            let body = whole.answer.body
            let cases: [(range: String, slice: ArraySlice<UInt8>)] = [
                ("bytes=0-", body[...]),
                ("bytes=1000-", body[1000...]),
                ("bytes=\(body.count - 1)-", body.suffix(1)),
                ("bytes=-1", body.suffix(1)),
                ("bytes=-1000", body.suffix(1000)),
                ("bytes=-\(body.count + 5)", body[...]),
                ("bytes=10-\(body.count + 5)", body[10...]),
                ("bytes=0-0", body.prefix(1)),
                ("BYTES=0-0", body.prefix(1)),
            ]
            for (range, slice) in cases {
                let part = try await whole.get(range: range)
                #expect(part.status == 206, "\(range)")
                #expect(Bytes(part.body) == Bytes(slice), "\(range)")
            }
        }

        @Test(arguments: WireForm.allCases)
        func aRangeBeyondTheEndIsNotSatisfiable(_ form: WireForm) async throws {
            let whole = try await Whole(of: "odd", in: form, from: served)
            let size = whole.answer.body.count
            for range in ["bytes=\(size)-", "bytes=\(size + 1)-\(size + 9)", "bytes=-0"] {
                let part = try await whole.get(range: range)
                #expect(part.status == 416, "\(range)")
                #expect(part["Content-Range"] == "bytes */\(size)", "\(range)")
            }
        }

        @Test(arguments: WireForm.allCases, ["items=0-5", "seconds=0-1", "Bytes-0=0-1"])
        func unitsThatAreNotBytesAreIgnored(_ form: WireForm, _ range: String) async throws {
            let whole = try await Whole(of: "odd", in: form, from: served)
            let answer = try await whole.get(range: range)
            #expect(answer.status == 200)
            #expect(Bytes(answer.body) == Bytes(whole.answer.body))
        }

        @Test(
            arguments: WireForm.allCases,
            ["bytes", "bytes=", "bytes=a-b", "bytes=5-2", "bytes=--1", "=0-1", "bytes=0-1;2-3"]
        )
        func rangesThatMeanNothingAreIgnoredOrRefused(
            _ form: WireForm,
            _ range: String
        ) async throws {
            let whole = try await Whole(of: "odd", in: form, from: served)
            let answer = try await whole.get(range: range)
            if answer.status == 200 {
                #expect(Bytes(answer.body) == Bytes(whole.answer.body))
            } else {
                #expect(answer.status == 416 || answer.status == 400)
            }
        }

        @Test(arguments: WireForm.allCases)
        func severalRangesComeAllOrTheWholeDoes(_ form: WireForm) async throws {
            let whole = try await Whole(of: "many", in: form, from: served)
            let body = whole.answer.body
            let answer = try await whole.get(range: "bytes=0-9, 500-599,-20")
            if answer.status == 200 {
                #expect(Bytes(answer.body) == Bytes(body))
            } else {
                #expect(answer.status == 206)
                let parts = try Multipart(parsing: answer)
                let slices = [body[0...9], body[500...599], body.suffix(20)]
                #expect(parts.bodies.map { Bytes($0) } == slices.map { Bytes($0) })
                #expect(parts.ranges.first == "bytes 0-9/\(body.count)")
            }
        }

        @Test func aThousandTinyRangesDoNotMultiplyTheWork() async throws {
            let whole = try await Whole(of: "odd", in: .identity, from: served)
            let size = whole.answer.body.count
            let ranges = (0..<1000).map { "\($0)-\(size - 1)" }.joined(separator: ",")
            let answer = try await whole.get(range: "bytes=\(ranges)")
            #expect(answer.body.count <= 2 * size)
        }

        @Test(arguments: WireForm.allCases)
        func ifRangeDecidesBetweenPartAndWhole(_ form: WireForm) async throws {
            let whole = try await Whole(of: "odd", in: form, from: served)
            let tag = try #require(whole.answer["ETag"])
            let same = try await whole.get(range: "bytes=5-9", ifRange: tag)
            #expect(same.status == 206)
            #expect(Bytes(same.body) == Bytes(whole.answer.body[5...9]))
            for other in ["\"other\"", "W/\(tag)", "Wed, 21 Oct 2015 07:28:00 GMT"] {
                let answer = try await whole.get(range: "bytes=5-9", ifRange: other)
                #expect(answer.status == 200, "\(other)")
                #expect(Bytes(answer.body) == Bytes(whole.answer.body), "\(other)")
            }
        }

        @Test(arguments: WireForm.allCases)
        func headIgnoresRanges(_ form: WireForm) async throws {
            let whole = try await Whole(of: "odd", in: form, from: served)
            let fields = [(name: "Range", value: "bytes=0-9")]
            let request = HTTPRequest(whole.target, method: "HEAD", fields: fields)
            let answer = try await whole.server.ask(request)
            #expect(answer.status == 200)
            #expect(answer["Content-Length"] == "\(whole.answer.body.count)")
        }
    }
}

/// A NAR as a narinfo offers it, got once in one piece.
private struct Whole {
    let server: FirnServer
    let target: String
    let answer: HTTPAnswer

    init(of name: String, in form: WireForm, from served: ServedClosure) async throws {
        server = served.server(form)
        let narInfo = try await server.narInfo(of: try served.path(name))
        try #require(narInfo["Compression"] == form.compression)
        target = "/\(try #require(narInfo["URL"]))"
        answer = try await server.get(target)
        try #require(answer.status == 200)
        try #require(answer.isComplete)
    }

    func get(range: String, ifRange: String? = nil) async throws -> HTTPAnswer {
        var fields = [(name: "Range", value: range)]
        if let ifRange { fields.append((name: "If-Range", value: ifRange)) }
        return try await server.get(target, fields: fields)
    }
}
