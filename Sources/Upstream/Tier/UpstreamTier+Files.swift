// SPDX-License-Identifier: Apache-2.0
import NIOHTTP1
package import NixFormat
import Synchronization

extension UpstreamTier {
    package func fetch(_ file: CacheFile) async -> FileLookUp {
        guard let path = file.path else { return .absent }
        switch await whole(path, contentType: nil) {
        case .success(.some(let bytes)): return .found(bytes)
        case .success(.none): return .absent
        case .failure(let failure): return .failed(failure)
        }
    }

    package func lookUpClosure(_ hash: StorePathHash) async -> [NARInfo]? {
        guard state.withLock({ $0.health.isFirn }) else { return nil }
        let answer = await whole("\(hash).closure", contentType: NARInfoClosure.contentType)
        guard case .success(.some(let bytes)) = answer else { return nil }
        return await Self.read(bytes, for: hash, check, configuration.urls[0])
    }

    /// Verifying a thousand signatures takes a tenth of a second.
    @concurrent
    private static func read(
        _ bytes: [UInt8],
        for hash: StorePathHash,
        _ check: NARInfoCheck,
        _ base: HTTPURL
    ) async -> [NARInfo]? {
        let infos = NARInfoClosure.texts(in: bytes)?.compactMap { text in
            try? check.check(Array(text), for: nil, from: base)
        }
        // Without the path itself it is the answer to another question.
        guard let infos, infos.contains(where: { $0.storePath.hash == hash }) else { return nil }
        return infos
    }

    /// A small file as a whole; `nil` when there is none.
    private func whole(
        _ path: String,
        contentType: String?
    ) async -> Result<[UInt8]?, UpstreamFailure> {
        let deadline = Instant.now + configuration.times.file
        return await attempt(until: deadline) { addressee throws(ExchangeFailure) in
            let limit = min(deadline, .now + configuration.times.fileFirstByte)
            let question = Question(purpose: .question, limit: limit)
            let answer = try await ask(path, at: addressee, question)
            guard answer.status == 200 else {
                answer.body.discard()
                if let failure = failure(of: answer) { throw failure }
                return nil
            }
            if let contentType {
                let type = answer.head.headers.first(name: "Content-Type") ?? ""
                guard type.split(separator: ";").first.map(String.init) == contentType else {
                    answer.body.discard()
                    throw .malformed("content of type \(type)")
                }
            }
            return try await answer.bytes(
                atMost: configuration.limits.smallFileBytes,
                until: deadline
            )
        }
    }
}

extension CacheFile {
    /// Where the file is, relative to the cache; `nil` when there cannot be one.
    fileprivate var path: String? {
        switch self {
        case .listing(let hash): return "\(hash).ls"
        case .log(let derivation): return "log/\(derivation)"
        case .realisation(let id): return "realisations/\(id).doi"
        case .buildTrace(let derivation, let output):
            guard (try? StorePath(hash: derivation.hash, name: output)) != nil else { return nil }
            return "build-trace-v2/\(derivation)/\(output).doi"
        case .debugInfo(let buildID):
            let digits = buildID.hasSuffix(".debug") ? buildID.dropLast(6) : buildID[...]
            guard !digits.isEmpty, digits.utf8.count <= 128,
                digits.allSatisfy({ $0.isASCII && $0.isHexDigit })
            else { return nil }
            return "debuginfo/\(buildID)"
        }
    }
}
