// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// Reads a store path as a NAR, in pieces as large as the caller likes.
///
/// A whole NAR is hashed on the way: its last piece is handed out only after hash and size were
/// found to be what Nix registered. A part of a NAR cannot be checked like that; its sizes are.
///
// SAFETY: one thread at a time, as `fill` demands; nothing is shared between readers but the
// lease, which is thread-safe.
package final class NARReader: @unchecked Sendable {
    /// Produced and hashed in steps that stay in a core's own cache.
    private static let stepBytes = 128 << 10

    /// Bytes that this reader yields in all: the range, or the whole NAR.
    package let sizeBytes: UInt64

    private let info: PathInfo
    private let root: String
    private let observer: (any NARReadObserver)?
    private let lease: AnyObject?
    private var walk: NARWalk
    private var hasher: SHA256Hasher?
    private var producedBytes: UInt64 = 0
    private var failure: (any Error)?

    /// - Parameters:
    ///   - info: What the NAR has to be.
    ///   - root: Where the files of the path are.
    ///   - range: `nil` for the whole NAR.
    ///   - observer: Hears how it goes.
    ///   - lease: Kept until the reader goes.
    /// - Throws: `NARReadError.rangeOutOfBounds(sizeBytes:)`.
    package init(
        _ info: PathInfo,
        root: String,
        range: Range<UInt64>? = nil,
        observer: (any NARReadObserver)? = nil,
        lease: AnyObject? = nil
    ) throws {
        let whole = 0..<info.narSizeBytes
        let range = range ?? whole
        guard range.upperBound <= info.narSizeBytes else {
            throw NARReadError.rangeOutOfBounds(sizeBytes: info.narSizeBytes)
        }
        self.info = info
        self.root = root
        self.observer = observer
        self.lease = lease
        sizeBytes = UInt64(range.count)
        walk = NARWalk(root: root, bytesToSkip: range.lowerBound)
        hasher = range == whole ? SHA256Hasher() : nil
    }

    /// Fills the buffer as far as there are bytes.
    ///
    /// Blocks; one thread at a time.
    ///
    /// - Returns: How many bytes were written; 0 when everything has been handed out.
    /// - Throws: `NARReadError`, and the same again when asked again.
    package func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        unsafe precondition(!buffer.isEmpty, "0 bytes would look like the end")
        if let failure { throw failure }
        do {
            let count = try unsafe readAndHash(buffer)
            if producedBytes == sizeBytes, count > 0 { try verify() }
            observer?.narReaderDidRead(count)
            return count
        } catch {
            let error = explain(error)
            failure = error
            observer?.narReaderDidFail(info, error)
            throw error
        }
    }

    /// Leaves out what comes next; nothing is verified then.
    ///
    /// - Throws: `NARReadError.rangeOutOfBounds(sizeBytes:)` for more than there is.
    package func skip(_ count: UInt64) throws {
        guard count <= sizeBytes - producedBytes else {
            throw NARReadError.rangeOutOfBounds(sizeBytes: info.narSizeBytes)
        }
        guard count > 0 else { return }
        walk.skip(count)
        producedBytes += count
        hasher = nil
    }

    private func readAndHash(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let wanted = Int(min(UInt64(buffer.count), sizeBytes - producedBytes))
        var filled = 0
        while filled < wanted {
            let end = min(wanted, filled + Self.stepBytes)
            let step = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<end])
            let count = try unsafe walk.produce(into: step)
            unsafe hasher?.update(UnsafeRawBufferPointer(rebasing: step[..<count]))
            filled += count
            producedBytes += UInt64(count)
            if count < step.count { throw wrongSize(info.narSizeBytes - sizeBytes + producedBytes) }
        }
        return filled
    }

    /// Compares with what was registered, at the end of a whole NAR.
    private func verify() throws {
        guard let hasher else { return }
        guard try walk.hasEnded() else { throw wrongSize(info.narSizeBytes + 1) }
        let actual = hasher.finalize()
        guard actual == info.narHash else {
            throw NARReadError.hashMismatch(info.path, expected: info.narHash, actual: actual)
        }
    }

    private func wrongSize(_ actualBytes: UInt64) -> NARReadError {
        .sizeMismatch(info.path, expectedBytes: info.narSizeBytes, actualBytes: actualBytes)
    }

    private func explain(_ error: any Error) -> any Error {
        (error as? TreeFailure)?.explained(for: info, root: root) ?? error
    }
}

extension TreeFailure {
    /// The same in the words of whoever reads a store path: it may simply be gone by now.
    func explained(for info: PathInfo, root: String) -> NARReadError {
        if !FileStatus.exists(root) { return .pathVanished(info.path) }
        return switch self {
        case .system(let file, let code): .inputOutput(info.path, file: file, code: code)
        case .shortFile(let file): .shortFile(info.path, file: file)
        case .unsupportedFile(let file): .unsupportedFile(info.path, file: file)
        }
    }
}

/// Hears how readers fare; called on the reader's thread.
package protocol NARReadObserver: AnyObject, Sendable {
    func narReaderDidRead(_ count: Int)
    /// Called once a reader, with `NARReadError`.
    func narReaderDidFail(_ info: PathInfo, _ error: any Error)
}
