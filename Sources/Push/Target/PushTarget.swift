// SPDX-License-Identifier: Apache-2.0
package import NixFormat
package import NixStore

/// A cache that takes paths, as the sender sees it.
///
/// A path goes through three stages: what it needs is asked for; its NAR gets there, seen by nobody,
/// in one of three ways (`send(_:onBytes:)` for small ones, an upload in parts, or a proof); it
/// becomes visible by `commit(_:)`. What a cache does not offer, see `limits`, is not called.
///
/// Every call ends by a deadline of its own, may be made concurrently, and may be made again after it
/// failed; every call throws ``PushTargetError``. A path is there when its commit was answered so, or
/// when that threw although it worked: whoever needs to know asks `findNeeds(of:)`. What is never
/// committed leaves nothing that a reader sees.
package protocol PushTarget: Sendable {
    /// Never changes.
    var limits: PushLimits { get }

    /// Whether this sender may push, where the cache has a question for that; otherwise the first
    /// question that it is asked tells.
    func checkAccess() async throws

    /// What has to be done to have these paths there; those that are there are not in the answer.
    func findNeeds(of paths: [PathInfo]) async throws -> [StorePathHash: PushNeed]

    /// Sends small NARs in one request.
    ///
    /// - Parameters:
    ///   - bundle: Within ``PushLimits/bundle``.
    ///   - onBytes: Told how many more bytes have left; from any thread.
    /// - Returns: For each, in their order, `nil` when it was taken, or else why not.
    /// - Throws: ``PushTargetError``; `rejected` is about the request as a whole.
    func send(
        _ bundle: [SmallNAR],
        onBytes: @escaping @Sendable (Int) -> Void
    ) async throws -> [String?]

    /// Shows that the sender has NARs that need not be sent.
    ///
    /// - Returns: For each, in their order, `nil` when it was believed, or else why not.
    func prove(_ proofs: [PushProof]) async throws -> [String?]

    /// Prepares for the parts of one NAR, or goes on with what was prepared earlier.
    ///
    /// - Parameters:
    ///   - info: The path.
    ///   - encoder: What makes the same file of the same NAR, in one line.
    /// - Returns: The upload, and what has arrived of it.
    /// - Throws: ``PushTargetError``.
    func begin(_ info: PathInfo, encoder: String) async throws -> PushUpload

    /// Sends one part, or a piece of one.
    ///
    /// - Parameters:
    ///   - part: The same bytes may have been sent before; others only where uploads do not go on.
    ///   - upload: What `begin` returned.
    ///   - onBytes: Told how many more bytes have left; from any thread.
    /// - Returns: What finishing needs to know of the part.
    /// - Throws: ``PushTargetError/lost(reason:)`` when the upload has to be begun again.
    func put(
        _ part: UploadPart,
        of upload: PushUpload,
        onBytes: @escaping @Sendable (Int) -> Void
    ) async throws -> PartReceipt

    /// Says that all parts are there, and waits until the cache has looked at them.
    ///
    /// - Parameters:
    ///   - upload: What `begin` returned.
    ///   - fileSizeBytes: Of all parts.
    /// - Returns: `false` when bytes are missing, which `begin` tells.
    /// - Throws: ``PushTargetError/lost(reason:)`` as for a part, and
    ///   ``PushTargetError/rejected(reason:)`` when the file is not that NAR; the upload is gone then.
    func finish(_ upload: PushUpload, fileSizeBytes: UInt64) async throws -> Bool

    /// Makes paths visible, in their order.
    ///
    /// - Parameter paths: Not more than ``PushLimits/commitPaths``; all that they refer to is there, or
    ///   before them. What was told to be there stays there if others are not, or if this throws.
    /// - Returns: For each, in their order, what became of it.
    /// - Throws: ``PushTargetError``; `rejected` is about the request as a whole.
    func commit(_ paths: [StagedPath]) async throws -> [PushCommit]

    /// Lets go of an upload that will not be committed. Best effort, short, and never throws.
    func abort(_ upload: PushUpload) async
}
