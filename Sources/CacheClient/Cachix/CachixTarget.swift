// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import Foundation
import NIOHTTP1
package import NixFormat
package import NixStore
package import Push

/// A cache at Cachix, or at whoever speaks as Cachix does.
///
/// - Source: cachix 1.11 and its interface, version 1.
package struct CachixTarget: PushTarget {
    /// Never shown: its description has the names only.
    package struct Configuration: Sendable {
        /// Scheme, host, port and path prefix; without a slash at its end.
        package var host = "https://cachix.org"
        package var name: CachixName
        /// Empty for somebody who has only a signing key.
        package var token: String
        /// `nil` where the server signs.
        package var signingKey: SecretKey?
        package var userAgent = "firn"

        package init(name: CachixName, token: String) {
            self.name = name
            self.token = token
        }
    }

    /// Questions are as large as those of the command `cachix`.
    package let limits = PushLimits(questionPaths: 32_768)

    private static let answerLimit = Duration.seconds(60)
    /// Joining the parts of a large file takes the object store a while.
    private static let completionLimit = Duration.seconds(300)
    /// 32 MiB at 60 kB/s; a line that does not move at all is given up far earlier.
    private static let partLimit = Duration.seconds(600)

    private let configuration: Configuration
    private let session: WebSession
    let storeDirectory: StoreDirectory

    package init(
        _ configuration: Configuration,
        storeDirectory: StoreDirectory,
        session: WebSession
    ) {
        self.configuration = configuration
        self.storeDirectory = storeDirectory
        self.session = session
    }

    package func checkAccess() async throws {
        let cache: CachixBodies.Cache
        do {
            cache = try await ask(.GET, "", as: CachixBodies.Cache.self)
        } catch PushTargetError.refused where configuration.signingKey != nil {
            // Whoever signs need not be allowed to look.
            return
        }
        if let key = configuration.signingKey {
            let known = cache.publicSigningKeys.compactMap { try? PublicKey(parsing: $0) }
            guard known.contains(where: { $0.bytes == key.publicKey.bytes }) else {
                throw PushTargetError.refused(
                    reason: "\(configuration.name) does not know the signing key \(key.name):"
                        + " clients would not believe what it signs; its keys are "
                        + cache.publicSigningKeys.joined(separator: ", ")
                )
            }
        } else if cache.permission == "Read" {
            throw PushTargetError.refused(reason: "this token may only read \(configuration.name)")
        }
    }

    /// What Cachix says of the cache.
    ///
    /// - Throws: ``Push/PushTargetError``.
    package func describe() async throws -> CachixCache {
        let cache = try await ask(.GET, "", as: CachixBodies.Cache.self)
        return CachixCache(
            uri: cache.uri,
            isPublic: cache.isPublic,
            publicKeys: cache.publicSigningKeys
        )
    }

    package func findNeeds(of paths: [PathInfo]) async throws -> [StorePathHash: PushNeed] {
        let missing = try await findMissing(paths.map(\.path.hash))
        return Dictionary(uniqueKeysWithValues: missing.map { ($0, .send) })
    }

    private func findMissing(_ hashes: [StorePathHash]) async throws -> Set<StorePathHash> {
        let body = try FirnJSON.write(hashes.map { "\($0)" })
        let missing = try await ask(.POST, "/narinfo", .json(body), as: [String].self)
        let asked = Set(hashes)
        // What was not asked for is of no use.
        return asked.intersection(missing.compactMap { try? StorePathHash(parsing: $0) })
    }

    package func send(
        _ bundle: [SmallNAR],
        onBytes: @escaping @Sendable (Int) -> Void
    ) async throws -> [String?] {
        preconditionFailure("Cachix takes each NAR by itself")
    }

    package func prove(_ proofs: [PushProof]) async throws -> [String?] {
        preconditionFailure("Cachix asks for no proofs")
    }

    package func begin(_ info: PathInfo, encoder: String) async throws -> PushUpload {
        let upload = try await ask(
            .POST,
            "/multipart-nar?compression=zst",
            as: CachixBodies.NewUpload.self
        )
        return PushUpload(name: upload.narId, token: upload.uploadId)
    }

    package func put(
        _ part: UploadPart,
        of upload: PushUpload,
        onBytes: @escaping @Sendable (Int) -> Void
    ) async throws -> PartReceipt {
        let check = Base64.encode(part.md5)
        let place = try await ask(
            .POST,
            "\(Self.path(of: upload))?uploadId=\(Self.encoded(upload.token))"
                + "&partNumber=\(part.number)",
            .json(try FirnJSON.write(CachixBodies.PartCheck(contentMD5: check))),
            as: CachixBodies.PartPlace.self
        )
        try checkPlace(place.uploadUrl)
        var request = WebSession.Request(url: place.uploadUrl, limit: Self.partLimit)
        request.method = .PUT
        request.headers = [
            ("Content-Type", "application/octet-stream"), ("Content-MD5", check),
            ("User-Agent", configuration.userAgent),
        ]
        request.body = .pieces([part.bytes], onBytes: onBytes)
        let answer = try await session.send(request)
        guard (200..<300).contains(answer.status) else {
            throw storageError(answer, request.url)
        }
        guard let tag = answer.headers.first(name: "ETag") else {
            throw PushTargetError.rejected(
                reason: "\(Self.server(of: request.url)) took a part without an ETag"
            )
        }
        return PartReceipt(number: part.number, entityTag: tag)
    }

    /// What was sent is looked at when it is completed.
    package func finish(_ upload: PushUpload, fileSizeBytes: UInt64) async throws -> Bool { true }

    package func commit(_ paths: [StagedPath]) async throws -> [PushCommit] {
        var answers: [PushCommit] = []
        for path in paths { answers.append(try await commit(path)) }
        return answers
    }

    private func commit(_ path: StagedPath) async throws -> PushCommit {
        guard case .upload(let upload, let receipts) = path.way, let fileHash = path.packed.fileHash
        else { preconditionFailure("Cachix takes uploads, and wants their hashes") }
        do {
            try await complete(upload, path.packed, fileHash, receipts)
        } catch PushTargetError.rejected(let reason) {
            // An answer that was lost on its way may have been a yes.
            let missing = try await findMissing([path.info.path.hash])
            if !missing.isEmpty { return .refused(reason: reason) }
        }
        return .there
    }

    private func complete(
        _ upload: PushUpload,
        _ path: PackedPath,
        _ fileHash: NixHash,
        _ receipts: [PartReceipt]
    ) async throws {
        let signature = configuration.signingKey.map { $0.sign(fingerprint(of: path)) }
        let body = CachixBodies.Completion(
            parts: receipts.map { .init(partNumber: $0.number, eTag: $0.entityTag) },
            narInfoCreate: .init(path, fileHash: fileHash, signature: signature)
        )
        _ = try await send(
            .POST,
            "\(Self.path(of: upload))/complete?uploadId=\(Self.encoded(upload.token))",
            .json(try FirnJSON.write(body)),
            limit: Self.completionLimit
        )
    }

    package func abort(_ upload: PushUpload) async {
        let target = "\(Self.path(of: upload))/abort?uploadId=\(Self.encoded(upload.token))"
        _ = try? await send(.POST, target, limit: .seconds(5))
    }

    func sendPin(_ body: [UInt8]) async throws {
        _ = try await send(.POST, "/pin", .json(body), limit: Self.answerLimit)
    }

    private func fingerprint(of packed: PackedPath) -> [UInt8] {
        PathFingerprint.bytes(
            storePath: packed.info.path,
            narHash: packed.info.narHash,
            narSizeBytes: packed.info.narSizeBytes,
            references: packed.info.references,
            in: storeDirectory
        )
    }

    private func checkPlace(_ url: String) throws(PushTargetError) {
        let isEncrypted = url.lowercased().hasPrefix("https://")
        guard isEncrypted || url.lowercased().hasPrefix("http://") else {
            throw .rejected(reason: "\(server) gave no URL to send a part to")
        }
        guard isEncrypted || !configuration.host.hasPrefix("https://") else {
            throw .rejected(reason: "\(server) wants a part to be sent without encryption")
        }
    }
}

extension CachixTarget {
    private func ask<Body: Decodable & Sendable>(
        _ method: HTTPMethod,
        _ target: String,
        _ body: WebSession.Request.Body = .none,
        as type: Body.Type
    ) async throws -> Body {
        let answer = try await send(method, target, body, limit: Self.answerLimit)
        guard let value = try? FirnJSON.parse(answer.body, as: type) else {
            throw PushTargetError.rejected(reason: "\(server) sent an answer that is not Cachix's")
        }
        return value
    }

    private func send(
        _ method: HTTPMethod,
        _ target: String,
        _ body: WebSession.Request.Body = .none,
        limit: Duration
    ) async throws -> WebSession.Answer {
        var request = WebSession.Request(
            url: "\(configuration.host)/api/v1/cache/\(configuration.name)\(target)",
            limit: limit
        )
        request.method = method
        request.headers = [
            ("Authorization", "Bearer \(configuration.token)"),
            ("Accept", "application/json"), ("User-Agent", configuration.userAgent),
        ]
        request.body = body
        let answer = try await session.send(request)
        switch answer.status {
        case 200..<300: return answer
        case 401:
            throw PushTargetError.refused(
                reason: configuration.token.isEmpty
                    ? "\(server) wants a token for \(configuration.name): set CACHIX_AUTH_TOKEN"
                        + " or name a file with --token-file"
                    : "\(server) does not accept this token for \(configuration.name)"
            )
        case 403:
            throw PushTargetError.refused(
                reason: "\(server) does not let this token push to \(configuration.name)"
            )
        case 404 where target.isEmpty:
            throw PushTargetError.refused(
                reason: "\(server) has no cache \(configuration.name), or not for this token"
            )
        default: throw answer.pushError(of: server)
        }
    }

    /// What a storage server means, which knows nothing of our token: a place that it does not know
    /// any more is asked for anew.
    private func storageError(_ answer: WebSession.Answer, _ url: String) -> PushTargetError {
        let server = Self.server(of: url)
        switch answer.status {
        case 401, 403, 404:
            return .busy(reason: answer.phrase(of: server), retryAfter: nil)
        default: return answer.pushError(of: server)
        }
    }

    private var server: String { Self.server(of: configuration.host) }

    private static func server(of url: String) -> String {
        url.split(separator: "/").dropFirst().first.map(String.init) ?? url
    }

    private static func path(of upload: PushUpload) -> String {
        "/multipart-nar/\(encoded(upload.name))"
    }

    private static func encoded(_ text: String) -> String {
        let plain = CharacterSet(charactersIn: "-._~").union(.firnAlphanumerics)
        return text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    }
}

extension CharacterSet {
    fileprivate static let firnAlphanumerics = CharacterSet(
        charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    )
}
