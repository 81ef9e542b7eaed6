// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Upstream

/// Bytes that come from afar, piece by piece; one task at a time reads.
protocol ChunkSource: AnyObject, Sendable {
    /// The next bytes, never none; `nil` when all have come.
    func next() async throws(TransferFailure) -> [UInt8]?

    /// The tiers that have brought bytes so far.
    var bringers: [RemoteTier] { get }
}

/// Why a NAR that another cache has could not be brought here.
enum TransferFailure: Error {
    /// Every tier that had it failed, and went on failing.
    case tiersFailed(UpstreamFailure)
    /// The bytes are not those of the hash; which one, and what came.
    case mismatch(String)
    /// It does not unpack.
    case damaged(String)
    /// Nobody wants it any more.
    case abandoned
    /// The disk that the bytes were to be kept on meanwhile.
    case spool(String)
}

extension CacheError {
    /// A tier's fault is no fault of ours: to the client the NAR is not here.
    init(_ failure: TransferFailure) {
        switch failure {
        case .tiersFailed, .mismatch, .damaged, .abandoned: self = .notFound
        case .spool: self = .storageUnavailable(failure)
        }
    }
}

/// A tier that has a NAR, and what it says of it.
struct Candidate: Sendable {
    let tier: RemoteTier
    let narInfo: NARInfo

    /// Has the tier answer as what it turned out to be: without the path, or not to be believed.
    ///
    /// A tier without the file may have put another one in its place: then that counts.
    func doubt(for failure: UpstreamFailure) async {
        let hash = narInfo.storePath.hash
        guard failure == .narMissing else { return tier.distrust(hash) }
        if case .found(let now) = await tier.ask(hash), now.url != narInfo.url { return }
        tier.cache.note(badNAR: narInfo.storePath, failure)
        tier.memory.rememberAbsent(hash, at: .now)
    }

    /// Whether another cache's file is the same bytes, so that one can go on where the other ended.
    func hasSameFile(as other: Candidate) -> Bool {
        guard let hash = narInfo.fileHash else {
            return tier === other.tier && narInfo.url == other.narInfo.url
        }
        // No signature covers the size, so one of two that differ is wrong: they do not mix.
        return hash == other.narInfo.fileHash && narInfo.compression == other.narInfo.compression
            && narInfo.fileSizeBytes == other.narInfo.fileSizeBytes
    }
}
