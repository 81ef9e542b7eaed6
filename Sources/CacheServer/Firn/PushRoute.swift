// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import FirnAPI
import NixFormat
import Synchronization

extension CacheResponder {
    /// The most paths that one question or commit may be about.
    private static let maximumPaths = 200_000
    private static let maximumProofs = 4_096
    /// Larger ones are in memory a few at a time.
    private static let smallBodyBytes: UInt64 = 256 << 10

    /// `api/v1/push/…`: where the body of a step goes.
    ///
    /// - Throws: ``CacheError``, before anything of it was read.
    func push(
        _ step: PushStep,
        in cacheText: String,
        _ head: BodyHead,
        _ facts: RequestFacts
    ) async throws -> BodyReply {
        let named = try requireNamedCaches()
        let visitor = try await visitor(facts, of: named)
        guard let name = try? CacheName(parsing: cacheText) else { throw CacheError.notFound }
        guard let length = head.lengthBytes else {
            throw CacheError.malformed("a push says how long its bodies are")
        }
        guard length <= UInt64(PushStep.maximumBodyBytes) else {
            throw CacheError.tooLarge(
                "a body of a push has at most \(PushStep.maximumBodyBytes) bytes"
            )
        }
        switch step {
        case .bundle:
            let sink = try await named.bundle(
                into: name,
                by: visitor,
                lengthBytes: length,
                parse: { Self.bundleHead($0) }
            )
            return .body(sink) {
                let results = sink.results.map { result in
                    PushResults.Result(hash: "\(result.hash)", refusal: result.refusal)
                }
                return try json(PushResults(results: results), facts)
            }
        case .part(let upload, let offset):
            let sink = try await named.part(
                of: Self.id(upload),
                from: offset,
                lengthBytes: length,
                in: name,
                by: visitor
            )
            return .body(sink) { try json([String: String](), facts) }
        case .plan, .room, .begin, .finish, .prove, .commit, .abort:
            // Who may not push there is told so before the body is read.
            try await named.requirePusher(of: name, visitor)
            let sink = WholeBody(
                maximumBytes: PushStep.maximumBodyBytes,
                slot: length > Self.smallBodyBytes ? try await named.wholeBodySlot() : nil
            )
            return .body(sink) {
                try await answer(sink.bytes, step, PushPlace(named, name, visitor), facts)
            }
        }
    }

    /// What a step is done with.
    private struct PushPlace {
        let named: NamedCaches
        let name: CacheName
        let visitor: Visitor

        init(_ named: NamedCaches, _ name: CacheName, _ visitor: Visitor) {
            self.named = named
            self.name = name
            self.visitor = visitor
        }
    }

    private func answer(
        _ bytes: [UInt8],
        _ step: PushStep,
        _ place: PushPlace,
        _ facts: RequestFacts
    ) async throws -> Answer {
        switch step {
        case .plan: try await json(plan(parse(bytes), place), facts)
        case .room: try await json(room(parse(bytes), place), facts)
        case .begin: try await json(begin(parse(bytes), place), facts)
        case .finish: try await json(finish(parse(bytes), place), facts)
        case .prove: try await json(prove(parse(bytes), place), facts)
        case .commit: try await json(commit(bytes, place), facts)
        case .abort(let upload):
            try await abort(upload, place, facts)
        case .bundle, .part: preconditionFailure("their bodies go elsewhere")
        }
    }

    private func plan(_ question: PushQuestion, _ place: PushPlace) async throws -> PushNeeds {
        guard question.paths.count <= Self.maximumPaths else {
            throw CacheError.malformed("at most \(Self.maximumPaths) paths are asked for at once")
        }
        let questions = try question.paths.map { path in
            try Self.question(path.path, path.narHash, path.narSize, path.signedBy ?? [])
        }
        let needs = try await place.named.plan(questions, in: place.name, by: place.visitor)
        let paths = zip(questions, needs).compactMap { question, need -> PushNeeds.Path? in
            let hash = "\(question.path.hash)"
            return switch need {
            case .present: nil
            case .send: .init(hash: hash, need: .send)
            case .prove(let nonce):
                .init(hash: hash, need: .prove, nonce: Base64.encode(nonce))
            case .elsewhere(let upstream):
                .init(hash: hash, need: .elsewhere, upstream: upstream)
            case .refused(let reason): .init(hash: hash, need: .refused, reason: reason)
            }
        }
        let room = try await place.named.room(in: place.name, by: place.visitor)
        return PushNeeds(paths: paths, room: room)
    }

    private func room(_ question: PushRoomQuestion, _ place: PushPlace) async throws -> PushRoom {
        let room = try await place.named.room(
            for: question.bytes,
            in: place.name,
            by: place.visitor
        )
        return PushRoom(room: room)
    }

    private func begin(
        _ beginning: PushBeginning,
        _ place: PushPlace
    ) async throws -> PushUploadReport {
        let state = try await place.named.begin(
            Self.question(beginning.path, beginning.narHash, beginning.narSize, []),
            encoder: beginning.encoder,
            in: place.name,
            by: place.visitor
        )
        guard let upload = UploadName(parsing: "\(state.id)") else {
            preconditionFailure("both have 32 characters of Nix base-32")
        }
        return PushUploadReport(
            upload: upload,
            have: state.have.map { ByteStretch(from: $0.lowerBound, to: $0.upperBound) },
            isComplete: state.isComplete
        )
    }

    private func finish(_ end: PushEnd, _ place: PushPlace) async throws -> PushEndReport {
        let result = try await place.named.finish(
            Self.id(end.upload),
            fileSizeBytes: end.fileSize,
            in: place.name,
            by: place.visitor
        )
        return switch result {
        case .done: PushEndReport(state: .done)
        case .checking(let checked): PushEndReport(state: .checking, checkedBytes: checked)
        case .lacking(let have):
            PushEndReport(
                state: .lacking,
                have: have.map { ByteStretch(from: $0.lowerBound, to: $0.upperBound) }
            )
        }
    }

    private func abort(
        _ upload: UploadName,
        _ place: PushPlace,
        _ facts: RequestFacts
    ) async throws -> Answer {
        try await place.named.abort(Self.id(upload), in: place.name, by: place.visitor)
        return try json([String: String](), facts)
    }

    private func prove(_ proofs: PushProofs, _ place: PushPlace) async throws -> PushResults {
        guard proofs.proofs.count <= Self.maximumProofs else {
            throw CacheError.malformed("at most \(Self.maximumProofs) proofs are looked at at once")
        }
        let parsed = try proofs.proofs.map { proof in
            guard let nonce = try? Base64.decode(proof.nonce),
                let digest = try? Base64.decode(proof.digest),
                let parsed = PossessionProof(name: proof.key, nonce: nonce, digest: digest)
            else { throw CacheError.malformed("not a proof of \(proof.key.prefix(100))") }
            return parsed
        }
        let refusals = try await place.named.prove(parsed, in: place.name, by: place.visitor)
        let results = zip(parsed, refusals).map { proof, refusal in
            PushResults.Result(hash: "\(proof.hash)", refusal: refusal)
        }
        return PushResults(results: results)
    }

    private func commit(_ bytes: [UInt8], _ place: PushPlace) async throws -> PushCommits {
        guard let texts = NARInfoClosure.texts(in: bytes), texts.count <= Self.maximumPaths else {
            throw CacheError.malformed("no narinfos with an empty line between two")
        }
        let results = try await place.named.commit(texts, in: place.name, by: place.visitor)
        return PushCommits(results: results.map { PushCommits.Result($0.hash, $0.result) })
    }

    // MARK: Parsing

    private func parse<Body: Decodable>(_ bytes: [UInt8]) throws -> Body {
        do throws(FirnJSON.ParseError) {
            return try FirnJSON.parse(bytes, as: Body.self)
        } catch {
            throw CacheError.malformed("not what this step takes: \(error)")
        }
    }

    private static func question(
        _ path: String,
        _ narHash: String,
        _ narSize: UInt64,
        _ signedBy: [String]
    ) throws -> PathQuestion {
        guard let path = try? StorePath(parsing: path) else {
            throw CacheError.malformed("\"\(path.prefix(100))\" is not the name of a store path")
        }
        guard let hash = try? NixHash(parsing: narHash), hash.algorithm == .sha256 else {
            throw CacheError.malformed("the narHash of \(path) is not sha256:…")
        }
        guard narSize <= UInt64(Int64.max) / 4 else {
            throw CacheError.malformed("the narSize of \(path) is more than there can be")
        }
        return PathQuestion(path: path, narHash: hash, narSizeBytes: narSize, signedBy: signedBy)
    }

    private static func id(_ upload: UploadName) -> LargeUploadID {
        guard let id = LargeUploadID(parsing: "\(upload)") else {
            preconditionFailure("both have 32 characters of Nix base-32")
        }
        return id
    }

    private static func bundleHead(_ line: [UInt8]) -> BundleHead? {
        guard let head = PushBundle.Head(parsing: line) else { return nil }
        return BundleHead(
            name: head.key,
            narSizeBytes: head.narSizeBytes,
            fileSizeBytes: head.fileSizeBytes
        )
    }
}

extension PushCommits.Result {
    fileprivate init(_ hash: StorePathHash, _ result: CommitResult) {
        switch result {
        case .there(let signature):
            self.init(hash: "\(hash)", state: .there, signature: signature.map { "\($0)" })
        case .absent: self.init(hash: "\(hash)", state: .absent)
        case .lacking(let reason): self.init(hash: "\(hash)", state: .lacking, reason: reason)
        case .later(let reason): self.init(hash: "\(hash)", state: .later, reason: reason)
        case .refused(let reason): self.init(hash: "\(hash)", state: .refused, reason: reason)
        }
    }
}

/// A body that is looked at when all of it is there.
final class WholeBody: BodySink {
    private let maximumBytes: Int
    private let collected = Mutex<[UInt8]>([])
    /// Given back with the body.
    private let slot: (any Sendable)?

    init(maximumBytes: Int, slot: (any Sendable)?) {
        self.maximumBytes = maximumBytes
        self.slot = slot
    }

    var bytes: [UInt8] { collected.withLock { $0 } }

    func write(_ piece: [UInt8]) async throws {
        let isTooLong = collected.withLock { bytes in
            guard bytes.count + piece.count <= maximumBytes else { return true }
            bytes += piece
            return false
        }
        if isTooLong { throw CacheError.tooLarge("at most \(maximumBytes) bytes are taken") }
    }

    func finish() async throws {}
}
