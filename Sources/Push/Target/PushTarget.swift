// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// A cache that takes paths, as the sender sees it.
///
/// Every call ends by a deadline of its own, may be made concurrently, and may be made again after it
/// failed. A path is there when `complete(_:_:_:)` has returned, or when it threw although it
/// worked: whoever needs to know asks `findMissing(_:)`. An upload that is never completed leaves
/// nothing that a reader sees.
package protocol PushTarget: Sendable {
    /// The most hashes that one question may hold; at least 1.
    var largestQuestion: Int { get }

    /// Whether this sender may push, as far as the cache tells before something is sent.
    ///
    /// - Throws: ``PushTargetError``.
    func checkAccess() async throws

    /// Those of the paths that have to be sent.
    ///
    /// - Throws: ``PushTargetError``.
    func findMissing(_ hashes: [StorePathHash]) async throws -> Set<StorePathHash>

    /// Prepares for the parts of one path.
    ///
    /// - Throws: ``PushTargetError``.
    func begin(_ path: StorePath) async throws -> PushUpload

    /// Sends one part.
    ///
    /// - Parameters:
    ///   - part: May have been sent before; the last one counts.
    ///   - upload: What `begin(_:)` returned.
    ///   - onBytes: Told how many more bytes have left; from any thread.
    /// - Returns: What completing needs to know of the part.
    /// - Throws: ``PushTargetError``.
    func put(
        _ part: UploadPart,
        of upload: PushUpload,
        onBytes: @escaping @Sendable (Int) -> Void
    ) async throws -> PartReceipt

    /// Makes the path visible; everything that it refers to has to be there.
    ///
    /// - Parameters:
    ///   - upload: What `begin(_:)` returned.
    ///   - path: What the parts add up to.
    ///   - receipts: Of all parts, in their order.
    /// - Throws: ``PushTargetError``.
    func complete(_ upload: PushUpload, _ path: PackedPath, _ receipts: [PartReceipt]) async throws

    /// Lets go of an upload that will not be completed. Best effort, short, and never throws.
    func abort(_ upload: PushUpload) async
}

/// An upload, by the two names that the cache gave it.
package struct PushUpload: Hashable, Sendable {
    package let name: String
    package let token: String

    package init(name: String, token: String) {
        self.name = name
        self.token = token
    }
}

/// A piece of a compressed NAR.
package struct UploadPart: Sendable {
    /// From 1 on.
    package let number: Int
    package let bytes: [UInt8]
    /// MD5 of the bytes.
    package let md5: [UInt8]

    package init(number: Int, bytes: [UInt8]) {
        self.number = number
        self.bytes = bytes
        md5 = MD5Digest.digest(of: bytes)
    }
}

/// What the cache said of a part that it has.
package struct PartReceipt: Hashable, Sendable {
    package let number: Int
    /// As it came.
    package let entityTag: String

    package init(number: Int, entityTag: String) {
        self.number = number
        self.entityTag = entityTag
    }
}
