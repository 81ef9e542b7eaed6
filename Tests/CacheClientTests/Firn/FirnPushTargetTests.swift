// SPDX-License-Identifier: Apache-2.0
import CacheClient
import FirnAPI
import FirnTestSupport
import NixFormat
import NixStore
import Push
import PushTestSupport
import Synchronization
import Testing

/// What goes over the wire, and what answers mean; a real server is behind it in the end-to-end tests.
@Suite struct FirnPushTargetTests {
    private static func info(_ number: Int, references: [StorePath] = []) throws -> PathInfo {
        PathInfo(
            id: Int64(number),
            path: try FolderStore.path(number),
            narHash: SHA256Hasher.hash([UInt8(number)]),
            narSizeBytes: 100,
            references: references,
            signatures: [
                try Signature(parsing: "one-1:" + Base64.encode(Array(repeating: 1, count: 64)))
            ]
        )
    }

    private static func metrics(_ request: ScriptedServer.Request) -> ScriptedServer.Reply? {
        guard request.target == "/metrics" else { return nil }
        return .answer(status: 200, type: "text/plain", body: "firn_store_bad_paths_total 0\n")
    }

    private func withTarget(
        reply: @escaping @Sendable (ScriptedServer.Request) -> ScriptedServer.Reply,
        _ body: (ScriptedServer, FirnPushTarget) async throws -> Void
    ) async throws {
        try await withScriptedServer(reply: reply) { server in
            let session = WebSession(connections: 8, certificate: .authorities(file: nil))
            let configuration = FirnPushTarget.Configuration(
                address: .web(url: server.url, certificate: .authorities(file: nil)),
                cache: "team",
                token: "firn_x"
            )
            let target = FirnPushTarget(
                configuration,
                storeDirectory: .standard,
                session: session
            )
            do {
                try await body(server, target)
                await session.shutDown()
            } catch {
                await session.shutDown()
                throw error
            }
        }
    }

    private func error(
        _ status: Int,
        of call: @Sendable (FirnPushTarget) async throws -> Void,
        isFirn: Bool = true
    ) async throws -> PushTargetError? {
        let found = Mutex<PushTargetError?>(nil)
        try await withTarget { request in
            if isFirn, let page = Self.metrics(request) { return page }
            return .answer(status: status, type: "text/plain", body: "the reason\nmore")
        } _: { _, target in
            let error = await #expect(throws: PushTargetError.self) { try await call(target) }
            found.withLock { $0 = error }
        }
        return found.withLock { $0 }
    }

    @Test func aPlanIsAskedForInOneRequest() async throws {
        let infos = try (1...5).map { try Self.info($0) }
        let hashes = infos.map { "\($0.path.hash)" }
        let answer = """
            {"paths":[{"hash":"\(hashes[0])","need":"send","new-key":1},
            {"hash":"\(hashes[1])","need":"prove","nonce":"AQID"},
            {"hash":"\(hashes[2])","need":"elsewhere","upstream":"nixos"},
            {"hash":"\(hashes[3])","need":"refused","reason":"too\\nlarge"}]}
            """
        try await withTarget { _ in
            .json(answer)
        } _: { server, target in
            let needs = try await target.findNeeds(of: infos)
            #expect(
                needs == [
                    infos[0].path.hash: .send, infos[1].path.hash: .prove(nonce: [1, 2, 3]),
                    infos[2].path.hash: .elsewhere(upstream: "nixos"),
                    infos[3].path.hash: .refused(reason: "too large"),
                ]
            )
            let request = try #require(server.requests.first)
            #expect(server.requests.count == 1)
            #expect(request.method == "POST")
            #expect(request.target == "/api/v1/push/team/plan")
            let question = try FirnJSON.parse(request.body, as: PushQuestion.self)
            #expect(question.paths.map(\.path) == infos.map { "\($0.path)" })
            #expect(question.paths.allSatisfy { $0.signedBy == ["one-1"] && $0.narSize == 100 })
            #expect(question.paths[0].narHash == infos[0].narHash.text(.nix32))
        }
    }

    @Test func aBundleIsRecordsOneAfterTheOther() async throws {
        let infos = try [1, 2].map { try Self.info($0) }
        let smalls = infos.map { info in
            let packed = PackedPath(info: info, fileHash: nil, fileSizeBytes: 3)
            return SmallNAR(packed: packed, bytes: [10, 13, 0])
        }
        let results = infos.map { "{\"hash\":\"\($0.path.hash)\"}" }
        let refused = results[1].dropLast() + ",\"refusal\":\"NarHash is another\"}"
        try await withTarget { _ in
            .json("{\"results\":[\(results[0]),\(refused)]}")
        } _: { server, target in
            let count = Mutex(0)
            let answers = try await target.send(smalls) { bytes in count.withLock { $0 += bytes } }
            #expect(answers == [nil, "NarHash is another"])
            let expected = infos.flatMap { info in
                let key = "\(info.path.hash)-\(info.narHash.digestText(.nix32)).nar.zst"
                return Array("\(key) 100 3\n".utf8) + [10, 13, 0]
            }
            #expect(server.requests.map(\.body) == [expected])
            #expect(server.requests.map(\.target) == ["/api/v1/push/team/bundle"])
            #expect(count.withLock { $0 } == expected.count)
        }
    }

    @Test func aCommitIsNarinfosInTheirOrder() async throws {
        let first = try Self.info(1)
        let second = try Self.info(2, references: [first.path])
        let staged = [first, second].map { info in
            StagedPath(PackedPath(info: info, fileHash: nil, fileSizeBytes: 3), by: .bundle)
        }
        let states = ["there", "lacking"]
        let results = zip(staged, states).map {
            "{\"hash\":\"\($0.info.path.hash)\",\"state\":\"\($1)\",\"reason\":\"why\"}"
        }
        try await withTarget { _ in
            .json("{\"results\":[\(results.joined(separator: ","))]}")
        } _: { server, target in
            #expect(try await target.commit(staged) == [.there, .lacking(reason: "why")])
            let body = try #require(server.requests.first?.body)
            let texts = try #require(NARInfoClosure.texts(in: body))
            let infos = try texts.map { try NARInfo(parsing: Array($0), storeDirectory: .standard) }
            #expect(infos.map(\.storePath) == [first.path, second.path])
            #expect(infos[1].references == [first.path])
            #expect(infos[0].signatures == first.signatures)
            #expect(infos[0].fileHash == nil && infos[0].compression == .zstd)
            let narHash = first.narHash.digestText(.nix32)
            #expect(infos[0].url == "nar/\(first.path.hash)-\(narHash).nar.zst")
        }
    }

    @Test func anUploadTellsWhatHasArrived() async throws {
        let name = String(repeating: "0", count: 32)
        let info = try Self.info(1)
        try await withTarget { request in
            request.target.hasSuffix("/begin")
                ? .json(
                    """
                    {"upload":"\(name)","have":[{"from":0,"to":8},{"from":9,"to":12}],"isComplete":false}
                    """
                ) : .json("{}")
        } _: { server, target in
            let upload = try await target.begin(info, encoder: "an encoder")
            #expect(upload.name == name && !upload.isComplete)
            #expect(upload.arrived == [0..<8, 9..<12])
            let part = UploadPart(number: 7, offsetBytes: 12, bytes: [5], hasMD5: false)
            _ = try await target.put(part, of: upload) { _ in }
            await target.abort(upload)
            #expect(
                server.requests.map(\.target) == [
                    "/api/v1/push/team/begin", "/api/v1/push/team/parts/\(name)/12",
                    "/api/v1/push/team/abort/\(name)",
                ]
            )
            #expect(server.requests[1].body == [5])
        }
    }

    @Test func finishingWaitsWhileTheServerReads() async throws {
        let name = String(repeating: "1", count: 32)
        let asked = Mutex(0)
        try await withTarget { _ in
            let count = asked.withLock { asked in
                asked += 1
                return asked
            }
            return .json(
                count < 3
                    ? "{\"state\":\"checking\",\"checkedBytes\":\(count)}" : "{\"state\":\"done\"}"
            )
        } _: { server, target in
            #expect(try await target.finish(PushUpload(name: name), fileSizeBytes: 77))
            #expect(server.requests.count == 3)
            let end = try FirnJSON.parse(server.requests[2].body, as: PushEnd.self)
            #expect(end.fileSize == 77 && "\(end.upload)" == name)
        }
    }

    @Test func eachStatusMeansWhatItShould() async throws {
        let info = try Self.info(1)
        let upload = PushUpload(name: String(repeating: "2", count: 32))
        let part = UploadPart(number: 1, offsetBytes: 0, bytes: [1], hasMD5: false)
        let plan: @Sendable (FirnPushTarget) async throws -> Void = {
            _ = try await $0.findNeeds(of: [info])
        }
        let begin: @Sendable (FirnPushTarget) async throws -> Void = {
            _ = try await $0.begin(info, encoder: "x")
        }
        let put: @Sendable (FirnPushTarget) async throws -> Void = {
            _ = try await $0.put(part, of: upload) { _ in }
        }
        for call in [plan, begin, put] {
            for (statuses, kind) in [
                ([401, 403], "refused"), ([429, 500, 502, 503], "busy"),
                ([400, 413, 422], "rejected"),
            ] {
                for status in statuses {
                    #expect(Self.kind(try await error(status, of: call)) == kind, "\(status)")
                }
            }
        }
        let absent = try await error(404, of: plan)
        #expect(Self.kind(absent) == "refused")
        #expect(absent?.description.contains("has no cache team, or not for this token") == true)
        #expect(Self.kind(try await error(404, of: put)) == "lost")
        #expect(Self.kind(try await error(507, of: plan)) == "refused")
        let tooLarge = try await error(507, of: begin)
        #expect(Self.kind(tooLarge) == "rejected")
        #expect(tooLarge?.description.hasSuffix("answered 507: the reason") == true)
    }

    @Test(arguments: [404, 405, 200])
    func aServerThatIsNoFirnIsSaidToBeNone(_ status: Int) async throws {
        let info = try Self.info(1)
        let plan: @Sendable (FirnPushTarget) async throws -> Void = {
            _ = try await $0.findNeeds(of: [info])
        }
        let error = try await error(status, of: plan, isFirn: false)
        #expect(Self.kind(error) == "rejected")
        #expect(status == 405 || error?.description.contains("not that of a Firn") == true)
    }

    private static func kind(_ error: PushTargetError?) -> String {
        switch error {
        case .unreachable: "unreachable"
        case .busy: "busy"
        case .refused: "refused"
        case .rejected: "rejected"
        case .lost: "lost"
        case nil: "none"
        }
    }

    @Test func anAnswerAboutOtherPathsIsNotBelieved() async throws {
        let info = try Self.info(1)
        let other = try FolderStore.path(2).hash
        try await withTarget { _ in
            .json("{\"paths\":[{\"hash\":\"\(other)\",\"need\":\"send\"}]}")
        } _: { _, target in
            await #expect(throws: PushTargetError.self) { try await target.findNeeds(of: [info]) }
        }
    }

    @Test func smallIsTheSameOnBothSides() {
        #expect(SmallNAR.maximumNARBytes == PushBundle.maximumNARBytes)
    }
}
