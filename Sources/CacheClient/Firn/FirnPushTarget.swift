// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import NIOHTTP1
package import NixFormat
package import NixStore
package import Push

/// A named cache of a Firn server, asked over TCP or on its control socket.
///
/// - Source: `docs/formats/push.md`.
package struct FirnPushTarget: PushTarget {
    /// Never shown: its description has the names only.
    package struct Configuration: Sendable {
        package var address: FirnAddress
        package var cache: String
        /// `nil` on the control socket, where everything is allowed.
        package var token: String?
        package var userAgent = "firn"

        package init(address: FirnAddress, cache: String, token: String?) {
            self.address = address
            self.cache = cache
            self.token = token
        }
    }

    package let limits = PushLimits(
        // As many as a body can hold; where names are long, several bodies are sent.
        questionPaths: 100_000,
        bundle: .init(fileBytes: 8 << 20, paths: 1_000, requestsAtATime: 3),
        commitPaths: 1_000,
        commitsAtATime: 2,
        resumesUploads: true,
        wantsFileHashes: false
    )

    private let wire: FirnPushWire
    private let storeDirectory: StoreDirectory
    private let room = RoomGauge()

    package init(
        _ configuration: Configuration,
        storeDirectory: StoreDirectory,
        session: WebSession
    ) {
        wire = FirnPushWire(configuration, session)
        self.storeDirectory = storeDirectory
    }

    /// The first question tells.
    package func checkAccess() async throws {}

    package func findNeeds(of paths: [PathInfo]) async throws -> [StorePathHash: PushNeed] {
        let body = try FirnJSON.write(PushQuestion(paths: paths.map(Self.question)))
        guard body.count <= PushStep.maximumBodyBytes else {
            let half = paths.count / 2
            let first = try await findNeeds(of: Array(paths[..<half]))
            return first.merging(try await findNeeds(of: Array(paths[half...]))) { $1 }
        }
        let answer = try await wire.ask(.plan, .json(body), as: PushNeeds.self)
        room.set(answer.room)
        let asked = Set(paths.map(\.path.hash))
        var needs: [StorePathHash: PushNeed] = [:]
        for path in answer.paths {
            guard let hash = try? StorePathHash(parsing: path.hash), asked.contains(hash) else {
                throw wire.notFirn
            }
            needs[hash] = Self.need(path)
        }
        return needs
    }

    package func send(
        _ bundle: [SmallNAR],
        onBytes: @escaping @Sendable (Int) -> Void
    ) async throws -> [String?] {
        var pieces: [[UInt8]] = []
        for nar in bundle {
            let head = PushBundle.Head(
                key: nar.packed.info.pushKey,
                narSizeBytes: nar.packed.info.narSizeBytes,
                fileSizeBytes: nar.packed.fileSizeBytes
            )
            pieces.append(head.write())
            pieces.append(nar.bytes)
        }
        do {
            try await takeRoom(pieces.reduce(0) { $0 + $1.count })
        } catch PushTargetError.rejected(let reason) {
            // Where small ones do not fit, nothing does.
            throw PushTargetError.refused(reason: reason)
        }
        return try await results(
            .bundle,
            .pieces(pieces, onBytes: onBytes),
            of: bundle.map(\.packed.info)
        )
    }

    package func prove(_ proofs: [PushProof]) async throws -> [String?] {
        let body = PushProofs(
            proofs: proofs.map {
                PushProofs.Proof(
                    key: $0.info.pushKey,
                    nonce: Base64.encode($0.nonce),
                    digest: Base64.encode($0.digest)
                )
            }
        )
        return try await results(
            .prove,
            .json(try FirnJSON.write(body)),
            of: proofs.map(\.info)
        )
    }

    package func begin(_ info: PathInfo, encoder: String) async throws -> PushUpload {
        let body = PushBeginning(
            path: "\(info.path)",
            narHash: info.narHash.text(.nix32),
            narSize: info.narSizeBytes,
            encoder: encoder
        )
        let report = try await wire.ask(
            .begin,
            .json(try FirnJSON.write(body)),
            as: PushUploadReport.self
        )
        var end: UInt64 = 0
        for stretch in report.have {
            guard end <= stretch.from, stretch.from < stretch.to else { throw wire.notFirn }
            end = stretch.to
        }
        return PushUpload(
            name: "\(report.upload)",
            arrived: report.have.map { $0.from..<$0.to },
            isComplete: report.isComplete
        )
    }

    package func put(
        _ part: UploadPart,
        of upload: PushUpload,
        onBytes: @escaping @Sendable (Int) -> Void
    ) async throws -> PartReceipt {
        try await takeRoom(part.bytes.count)
        let step = PushStep.part(upload: try name(upload), offsetBytes: part.offsetBytes)
        try await wire.tell(step, .pieces([part.bytes], onBytes: onBytes))
        return PartReceipt(number: part.number)
    }

    /// Has what does not fit refused before it is sent.
    private func takeRoom(_ bytes: Int) async throws {
        try await room.take(bytes) { wanted in
            let body = try FirnJSON.write(PushRoomQuestion(bytes: wanted))
            return try await wire.ask(.room, .json(body), as: PushRoom.self).room
        }
    }

    package func commit(_ paths: [StagedPath]) async throws -> [PushCommit] {
        var answers: [PushCommit] = []
        var texts: [[UInt8]] = []
        var bytes = 0
        for path in paths {
            let text = path.info.pushedNARInfo.write(in: storeDirectory)
            if bytes + text.count + 1 > PushStep.maximumBodyBytes {
                answers += try await commit(texts, of: paths[answers.count...])
                (texts, bytes) = ([], 0)
            }
            texts.append(text)
            bytes += text.count + 1
        }
        return answers + (try await commit(texts, of: paths[answers.count...]))
    }

    package func abort(_ upload: PushUpload) async {
        guard let name = UploadName(parsing: upload.name) else { return }
        try? await wire.tell(.abort(upload: name), .none)
    }

    private func commit(
        _ texts: [[UInt8]],
        of paths: ArraySlice<StagedPath>
    ) async throws -> [PushCommit] {
        let body = FirnPushWire.Body.narInfos(NARInfoClosure.write(texts))
        let answer = try await wire.ask(.commit, body, as: PushCommits.self)
        guard
            answer.results.map(\.hash) == paths.prefix(texts.count).map({ "\($0.info.path.hash)" })
        else { throw wire.notFirn }
        return answer.results.map { result in
            let reason = Self.line(result.reason ?? "the cache does not say why")
            return switch result.state {
            case .there: .there
            case .absent: .absent
            case .lacking: .lacking(reason: reason)
            case .later: .later(reason: reason)
            case .refused: .refused(reason: reason)
            }
        }
    }

    private func results(
        _ step: PushStep,
        _ body: FirnPushWire.Body,
        of paths: [PathInfo]
    ) async throws -> [String?] {
        let answer = try await wire.ask(step, body, as: PushResults.self)
        guard answer.results.map(\.hash) == paths.map({ "\($0.path.hash)" }) else {
            throw wire.notFirn
        }
        return answer.results.map { $0.refusal.map(Self.line) }
    }

    private func name(_ upload: PushUpload) throws -> UploadName {
        guard let name = UploadName(parsing: upload.name) else { throw wire.notFirn }
        return name
    }
}

extension FirnPushTarget {
    private static let firstCheckPause = Duration.milliseconds(100)
    private static let longestCheckPause = Duration.seconds(2)
    /// A disk that reads nothing for so long is not going to.
    private static let mostStill = Duration.seconds(300)

    package func finish(_ upload: PushUpload, fileSizeBytes: UInt64) async throws -> Bool {
        let end = PushEnd(upload: try name(upload), fileSize: fileSizeBytes)
        let body = FirnPushWire.Body.json(try FirnJSON.write(end))
        var pause = Self.firstCheckPause
        var checkedBytes: UInt64 = 0
        var still = Duration.zero
        while true {
            let report = try await wire.ask(.finish, body, as: PushEndReport.self)
            switch report.state {
            case .done: return true
            case .lacking: return false
            case .checking:
                let checked = report.checkedBytes ?? 0
                still = checked > checkedBytes ? .zero : still + pause
                checkedBytes = max(checked, checkedBytes)
                guard still < Self.mostStill else {
                    throw PushTargetError.busy(
                        reason: "\(wire.server) does not get on with checking what it was sent",
                        retryAfter: nil
                    )
                }
                try await Task.sleep(for: pause)
                pause = min(pause * 2, Self.longestCheckPause)
            }
        }
    }

    private static func question(_ info: PathInfo) -> PushQuestion.Path {
        let names = info.signatures.map(\.keyName)
        return PushQuestion.Path(
            path: "\(info.path)",
            narHash: info.narHash.text(.nix32),
            narSize: info.narSizeBytes,
            signedBy: names.isEmpty ? nil : names
        )
    }

    private static func need(_ path: PushNeeds.Path) -> PushNeed {
        switch path.need {
        case .send: .send
        case .prove:
            // A nonce that is none is as good as none.
            path.nonce.flatMap { try? Base64.decode($0) }.map { .prove(nonce: $0) } ?? .send
        case .elsewhere: .elsewhere(upstream: line(path.upstream ?? "another cache"))
        case .refused: .refused(reason: line(path.reason ?? "the cache does not say why"))
        }
    }

    /// Text of somebody else's as one short line.
    private static func line(_ text: String) -> String {
        String(text.prefix(500).map { $0.isNewline ? " " : $0 })
    }
}

extension PathInfo {
    /// What the NAR is called in the depot of a Firn.
    fileprivate var pushKey: String { "\(path.hash)-\(narHash.digestText(.nix32)).nar.zst" }

    fileprivate var pushedNARInfo: NARInfo {
        NARInfo(
            storePath: path,
            url: "nar/\(pushKey)",
            compression: .zstd,
            narHash: narHash,
            narSizeBytes: narSizeBytes,
            references: references,
            deriver: deriver,
            signatures: signatures,
            contentAddress: contentAddress
        )
    }
}
