// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import Depot
import Foundation
import NixFormat
import Testing

/// What is pushed by Firn's own wire: verified, hidden until it is whole, and gone on with.
@Suite struct PushWireTests {
    private func withCache(
        _ body: (PushedCache, _ reopen: () throws -> PushedCache) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "firn-wire-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let keyring = MemoryKeyring()
        var pushed: PushedCache? = try PushedCache.open(folder, keyring)
        guard let first = pushed else { return }
        pushed = nil
        try await body(first) {
            // A copy is what a killed process leaves, while the first still holds its lock.
            let copy = folder + ".copy"
            try? FileManager.default.removeItem(atPath: copy)
            try FileManager.default.copyItem(atPath: folder, toPath: copy)
            return try PushedCache.open(copy, keyring)
        }
        try? FileManager.default.removeItem(atPath: folder + ".copy")
    }

    @Test func smallOnesComeTogetherAndAreSeenInTheirOrder() async throws {
        try await withCache { pushed, _ in
            let universe = try PushedPath.universe(12)
            let needs = try await pushed.caches.plan(
                universe.map(\.question),
                in: pushed.cache,
                by: .owner
            )
            #expect(needs == [PathNeed](repeating: .send, count: 12))
            let files = try universe.map { (path: $0, file: try $0.file()) }
            #expect(try await pushed.bundle(files).allSatisfy { $0 == nil })
            #expect(try universe.allSatisfy { try !pushed.visible($0) })
            let results = try await pushed.commit(universe.map { try $0.wireNARInfo() })
            let cache = try #require(try pushed.depot.registry.findCache(pushed.cache))
            for (path, result) in zip(universe, results) {
                guard case .there(let signature?) = result else {
                    Issue.record("\(path.path): \(result)")
                    continue
                }
                let narInfo = try #require(
                    try pushed.depot.memberNARInfo(path.hash, in: pushed.cache)
                ).narInfo
                #expect(cache.publicKey.verifies(signature, of: narInfo.fingerprint(in: .standard)))
            }
            try pushed.verify(universe, "after a commit")
            // What the client packed is kept as it is.
            #expect(try pushed.contents(of: universe[3]) == files[3].file)
            let again = try await pushed.caches.plan(
                universe.map(\.question),
                in: pushed.cache,
                by: .owner
            )
            #expect(again == [PathNeed](repeating: .present, count: 12))
        }
    }

    @Test func whatIsNotWhatItWasSaidToBeIsRefusedByItself() async throws {
        try await withCache { pushed, _ in
            let universe = try PushedPath.universe(6)
            var files = try universe.map { (path: $0, file: try $0.file()) }
            files[1].file = files[2].file
            files[3].file[20] ^= 1
            // Packed well, but not in the form that can be read from anywhere.
            files[4].file = Array(files[4].file.dropLast(17))
            files[5].file += [0]
            let refusals = try await pushed.bundle(files)
            #expect(refusals[0] == nil && refusals[2] == nil)
            #expect(refusals[1]?.contains("NarHash") == true)
            for place in 3...5 { #expect(refusals[place]?.contains("seekable zstd") == true) }
            let results = try await pushed.commit(universe.map { try $0.wireNARInfo() })
            #expect(results[0].isThere && results[1] == .absent)
            // Number 2 refers to 1 and 0.
            #expect(results[2].isLacking)
            try pushed.verify(universe, "after refusals")
        }
    }

    @Test func aBodyThatIsNoBundleIsMalformed() async throws {
        try await withCache { pushed, _ in
            for text in ["", "x", "a b c\n", String(repeating: "z", count: 300)] {
                await #expect(throws: (any Error).self, "\(text)") {
                    let sink = try await pushed.caches.bundle(
                        into: pushed.cache,
                        by: .owner,
                        lengthBytes: 10,
                        parse: PushedCache.head
                    )
                    try await sink.write(Array(text.utf8))
                    try await sink.finish()
                    if text.isEmpty { throw CacheError.malformed("nothing came") }
                }
            }
        }
    }

    @Test func aLargeOneGoesOnAfterTheServerWasKilled() async throws {
        try await withCache { pushed, reopen in
            let path = try PushedPath.large("large", mebibytes: 5)
            let file = try path.file()
            let state = try await pushed.caches.begin(
                path.question,
                encoder: "e",
                in: pushed.cache,
                by: .owner
            )
            #expect(state.have.isEmpty && !state.isComplete)
            let middle = file.count / 2
            try await pushed.part(file[middle...], of: state)
            try await pushed.part(file[..<100_000], of: state)
            let next = try reopen()
            let again = try await next.caches.begin(
                path.question,
                encoder: "e",
                in: next.cache,
                by: .owner
            )
            #expect(again.id == state.id)
            #expect(again.have == [0..<100_000, UInt64(middle)..<UInt64(file.count)])
            // Another encoder makes other bytes, and another pusher is somebody else.
            let other = try await next.caches.begin(
                path.question,
                encoder: "f",
                in: next.cache,
                by: .owner
            )
            #expect(other.id != state.id && other.have.isEmpty)
            #expect(try await next.finish(again, file) == .lacking(have: again.have))
            try await next.part(file[100_000..<middle], of: again)
            #expect(try await next.finish(again, file) == .done)
            #expect(try !next.visible(path))
            #expect(try await next.commit([path.wireNARInfo()])[0].isThere)
            #expect(try next.contents(of: path) == file)
            #expect(next.depot.usage().pendingSizeBytes == 0)
        }
    }

    @Test func aLargeOneThatIsWrongIsGone() async throws {
        try await withCache { pushed, _ in
            let path = try PushedPath.large("large", mebibytes: 3)
            let other = try PushedPath.large("other", mebibytes: 3)
            var damaged = try path.file()
            damaged[damaged.count / 2] ^= 1
            var lengthened = try path.file()
            lengthened += [1, 2, 3]
            let cut = Array(try path.file().dropLast(9))
            var foreign = try other.file()
            foreign.reverse()
            for wrong in [damaged, lengthened, cut, foreign] {
                let state = try await pushed.caches.begin(
                    path.question,
                    encoder: "e",
                    in: pushed.cache,
                    by: .owner
                )
                #expect(state.have.isEmpty)
                try? await pushed.part(wrong[...], of: state)
                await #expect(throws: CacheError.self) { try await pushed.finish(state, wrong) }
                #expect(try await pushed.commit([path.wireNARInfo()]) == [.absent])
                #expect(pushed.depot.usage().pendingSizeBytes == 0)
            }
            // Another NAR than it was begun for.
            let state = try await pushed.caches.begin(
                PathQuestion(
                    path: path.path,
                    narHash: other.narHash,
                    narSizeBytes: UInt64(path.nar.count) + 1,
                    signedBy: []
                ),
                encoder: "e",
                in: pushed.cache,
                by: .owner
            )
            let file = try path.file()
            try await pushed.part(file[...], of: state)
            await #expect(throws: CacheError.self) { try await pushed.finish(state, file) }
        }
    }

    @Test func nobodyTouchesTheUploadOfAnother() async throws {
        try await withCache { pushed, _ in
            let path = try PushedPath.large("large", mebibytes: 2)
            let file = try path.file()
            let (one, two) = (
                try PushedCache.pusher("0000000001"), try PushedCache.pusher("0000000002")
            )
            let state = try await pushed.caches.begin(
                path.question,
                encoder: "e",
                in: pushed.cache,
                by: one
            )
            await #expect(throws: CacheError.self) {
                try await pushed.part(file[...], of: state, by: two)
            }
            await #expect(throws: CacheError.self) {
                try await pushed.caches.abort(state.id, in: pushed.cache, by: two)
            }
            try await pushed.part(file[...], of: state, by: one)
            #expect(
                try await pushed.caches.finish(
                    state.id,
                    fileSizeBytes: UInt64(file.count),
                    in: pushed.cache,
                    by: one
                ) == .done
            )
            // Who has not sent it cannot have it signed, whatever else is true of it.
            #expect(try await pushed.commit([path.wireNARInfo()], by: two) == [.absent])
            #expect(try await pushed.commit([path.wireNARInfo()], by: one)[0].isThere)
        }
    }

    @Test func whatTheServerHasIsProvedAndNotSent() async throws {
        try await withCache { pushed, _ in
            let path = try PushedPath.universe(1)[0]
            _ = try await pushed.bundle([(path, path.file())])
            _ = try await pushed.commit([path.wireNARInfo()])
            let second = try CacheName(parsing: "second")
            try pushed.caches.declare([(name: second, settings: CacheSettings())])
            let thief = try PushedCache.pusher("0000000001", "second")
            // Knowing the hash is not having the NAR.
            #expect(
                try await pushed.commit([path.wireNARInfo()], to: second, by: thief) == [.absent]
            )
            let needs = try await pushed.caches.plan([path.question], in: second, by: thief)
            guard case .prove(let nonce) = needs[0] else {
                Issue.record("\(needs)")
                return
            }
            func prove(_ nonce: [UInt8], _ nar: [UInt8]) async throws -> String? {
                let digest = SHA256Hasher.hash(nonce + nar).digest
                let name = "\(try path.key)"
                let proof = try #require(
                    PossessionProof(name: name, nonce: nonce, digest: digest)
                )
                return try await pushed.caches.prove([proof], in: second, by: thief)[0]
            }
            #expect(try await prove(nonce, Array(path.nar.dropLast())) != nil)
            #expect(try await prove([1, 2, 3], path.nar) != nil)
            let owners = try await pushed.caches.plan([path.question], in: second, by: .owner)
            guard case .prove(let another) = owners[0] else {
                Issue.record("\(owners)")
                return
            }
            #expect(try await prove(another, path.nar) != nil)
            #expect(
                try await pushed.commit([path.wireNARInfo()], to: second, by: thief) == [.absent]
            )
            #expect(try await prove(nonce, path.nar) == nil)
            #expect(try await pushed.commit([path.wireNARInfo()], to: second, by: thief)[0].isThere)
            #expect(pushed.depot.usage().objects == 1)
        }
    }

    @Test func aNARInfoThatSaysSomethingElseIsRefused() async throws {
        try await withCache { pushed, _ in
            let universe = try PushedPath.universe(2)
            _ = try await pushed.bundle(universe.map { ($0, try $0.file()) })
            let wrong = try universe[0].wireNARInfo { $0.narSizeBytes += 1 }
            #expect(try await pushed.commit([wrong])[0].refusal?.contains("NarSize") == true)
            let misnamed = try universe[0].wireNARInfo {
                $0.url = "nar/\((try? universe[1].key).map { "\($0)" } ?? "")"
            }
            await #expect(throws: CacheError.self) { try await pushed.commit([misnamed]) }
            let forged = try universe[0].wireNARInfo {
                $0.signatures = [
                    try! Signature(keyName: "team.test-1", bytes: [UInt8](repeating: 7, count: 64)),
                    try! Signature(keyName: "else-1", bytes: [UInt8](repeating: 9, count: 64)),
                ]
            }
            #expect(try await pushed.commit([forged])[0].isThere)
            let kept = try #require(
                try pushed.depot.memberNARInfo(universe[0].hash, in: pushed.cache)
            ).narInfo
            #expect(Set(kept.signatures.map(\.keyName)) == ["team.test-1", "else-1"])
            #expect(kept.signatures.allSatisfy { $0.bytes.first != 7 })
            // What comes after those that need it is there when they are asked for again.
            let late = try PushedPath.universe(4).suffix(2)
            _ = try await pushed.bundle(late.map { ($0, try $0.file()) })
            _ = try await pushed.bundle([(universe[1], universe[1].file())])
            let texts = try [late[3].wireNARInfo(), universe[1].wireNARInfo()]
            let first = try await pushed.commit(texts)
            #expect(first[0].isLacking && first[1].isThere)
            let second = try await pushed.commit(texts)
            #expect(second[0].isThere && second[1].isThere)
        }
    }

    @Test func aQuotaIsSaidBeforeBytesAreTaken() async throws {
        try await withCache { pushed, _ in
            let small = try CacheName(parsing: "small")
            var settings = CacheSettings()
            settings.quotaBytes = 1 << 20
            settings.maximumNARBytes = 4 << 20
            try pushed.caches.declare([(name: small, settings: settings)])
            let path = try PushedPath.large("large", mebibytes: 3)
            let state = try await pushed.caches.begin(
                path.question,
                encoder: "e",
                in: small,
                by: .owner
            )
            await #expect(throws: CacheError.self) {
                _ = try await pushed.caches.part(
                    of: state.id,
                    from: 0,
                    lengthBytes: 2 << 20,
                    in: small,
                    by: .owner
                )
            }
            let huge = try PushedPath.large("huge", mebibytes: 5)
            let needs = try await pushed.caches.plan([huge.question], in: small, by: .owner)
            guard case .refused(let reason) = needs[0] else {
                Issue.record("\(needs)")
                return
            }
            #expect(reason.contains("max-nar-size"))
        }
    }

    @Test func whoBeginsTooMuchKeepsNobodyElseFromPushing() async throws {
        try await withCache { pushed, _ in
            let path = try PushedPath.large("large", mebibytes: 1)
            let (one, two) = (
                try PushedCache.pusher("0000000001"), try PushedCache.pusher("0000000002")
            )
            func begin(_ encoder: String, by visitor: Visitor) async throws {
                _ = try await pushed.caches.begin(
                    path.question,
                    encoder: encoder,
                    in: pushed.cache,
                    by: visitor
                )
            }
            for number in 0..<128 { try await begin("e\(number)", by: one) }
            await #expect(throws: CacheError.self) { try await begin("one more", by: one) }
            try await begin("e", by: two)
            // What is known already goes on.
            try await begin("e7", by: one)
        }
    }

    @Test func whatWasOnlyAnnouncedTakesNoQuota() async throws {
        try await withCache { pushed, _ in
            let small = try CacheName(parsing: "small")
            var settings = CacheSettings()
            settings.quotaBytes = 4 << 20
            try pushed.caches.declare([(name: small, settings: settings)])
            let path = try PushedPath.large("large", mebibytes: 3)
            let state = try await pushed.caches.begin(
                path.question,
                encoder: "e",
                in: small,
                by: .owner
            )
            let before = try await pushed.caches.room(in: small, by: .owner)
            do {
                let sink = try await pushed.caches.part(
                    of: state.id,
                    from: 0,
                    lengthBytes: 3 << 20,
                    in: small,
                    by: .owner
                )
                let during = try await pushed.caches.room(in: small, by: .owner)
                #expect(during == before.map { $0 - 3 << 20 })
                try await sink.write([1, 2, 3])
            }
            #expect(try await pushed.caches.room(in: small, by: .owner) == before)
        }
    }

    @Test func aReferenceIsMeantByItsWholeName() async throws {
        try await withCache { pushed, _ in
            let universe = try PushedPath.universe(2)
            _ = try await pushed.bundle(universe.map { ($0, try $0.file()) })
            _ = try await pushed.commit([universe[0].wireNARInfo()])
            let other = try StorePath(hash: universe[0].hash, name: "another-name")
            let wrong = try universe[1].wireNARInfo { $0.references = [other] }
            #expect(try await pushed.commit([wrong])[0].isLacking)
            #expect(try await pushed.commit([universe[1].wireNARInfo()])[0].isThere)
        }
    }
}
