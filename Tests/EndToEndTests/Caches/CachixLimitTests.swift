// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

/// How much one sender may have on its way, and what of it is told to whom.
@Suite(.fewAtATime)
struct CachixLimitTests {
    @Test func whatIsOpenIsBounded() async throws {
        try await withLeaf { setup, cachix, _ in
            var uploads: [CachixClient.Upload] = []
            for _ in 0..<128 { uploads.append(try await cachix.begin()) }
            let answer = try await cachix.ask("POST", "/multipart-nar?compression=zst", [])
            #expect(answer.status == 429 && answer["Retry-After"] != nil)
            // Others are not kept from it.
            _ = try await setup.cachix().begin()
            try await cachix.abort(uploads[0])
            _ = try await cachix.begin()
        }
    }

    @Test func theLargestNARIsThatOfTheCacheForPartsToo() async throws {
        try await withLeaf(create: ["--max-nar-size", "60KB"]) { setup, cachix, leaf in
            let upload = try await cachix.begin()
            let piece = [UInt8](repeating: 7, count: 120_000)
            _ = try await cachix.sendPart(piece, 1, upload)
            // Each on its own, and all together.
            let second = try await refusal { _ = try await cachix.sendPart(piece, 2, upload) }
            #expect(second == 413)
            let whole = try await refusal {
                _ = try await cachix.sendPart(piece + piece, 1, upload)
            }
            #expect(whole == 413)
            let large = try #require(
                try await setup.packed().first { $0.narInfo.narSizeBytes > 60_000 }
            )
            let unpacked = try await cachix.begin()
            _ = try await cachix.sendPart(Array(large.file.prefix(100_000)), 1, unpacked)
            let completed = try await refusal { try await cachix.complete(unpacked, large, nil) }
            #expect(completed == 413)
            try await cachix.pushAll([leaf])
        }
    }

    @Test func theQuotaHoldsForPartsToo() async throws {
        try await withLeaf(create: ["--quota", "100KB"]) { setup, cachix, leaf in
            var once = cachix
            once.attempts = 1
            let upload = try await cachix.begin()
            let piece = [UInt8](repeating: 7, count: 60_000)
            _ = try await once.sendPart(piece, 1, upload)
            let second = try await refusal { _ = try await once.sendPart(piece, 2, upload) }
            #expect(second == 507)
            try await cachix.abort(upload)
            // What was let go is nobody's any more.
            let other = try await cachix.begin()
            _ = try await once.sendPart(piece, 1, other)
            try await cachix.pushAll([leaf])
            #expect(try await setup.isVisible(leaf, cachix))
        }
    }

    @Test func noSecretIsInTheLog() async throws {
        try await withLeaf { setup, cachix, leaf in
            let upload = try await cachix.begin()
            let url = try await cachix.announce(leaf.file, 1, upload)
            _ = try await cachix.put([1, 2], to: url, contentMD5: "AAAA")
            _ = try await cachix.sendPart(Array("nonsense".utf8), 1, upload)
            _ = try await refusal { try await cachix.complete(upload, leaf, nil) }
            let key = try #require(url.firstMatch(of: /key=(.*)/)?.1)
            for secret in [String(key), upload.uploadId, cachix.token] {
                #expect(!setup.server.log.contains(secret))
            }
            #expect(setup.server.log.contains("does not unpack"))
        }
    }

    @Test func manyUploadsAtOnceStayWithinMemory() async throws {
        var closure = SampleClosure.small
        closure.largeBytes = 6_000_000
        try await withPushSetup(closure: closure) { setup in
            var cachix = try await setup.cachix()
            cachix.chunkBytes = 1 << 20
            cachix.jobs = 64
            let large = try #require(
                try await setup.packed().first { $0.baseName.hasSuffix("-large") }
            )
            try await cachix.pushAll(Array(repeating: large, count: 64))
            #expect(try await setup.isVisible(large, cachix))
            let most = setup.server.process.peakResidentBytes ?? 0
            #expect(most > 0 && most < 256 << 20, "\(most >> 20) MiB")
        }
    }
}
