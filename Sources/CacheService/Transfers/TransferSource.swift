// SPDX-License-Identifier: Apache-2.0
import Dispatch

/// A file that is still coming, or a part of it, as its bytes become ready.
final class TransferSource: PartSource, @unchecked Sendable {
    // SAFETY: a ByteSource has one reader at a time, which is all that touches `position`.
    private let transfer: Transfer
    private let reader: Int
    private var position: UInt64
    private let end: UInt64

    /// - Throws: ``CacheError/notFound`` when the transfer cannot be joined at that place any more.
    init(_ transfer: Transfer, range: Range<UInt64>?) throws(CacheError) {
        self.transfer = transfer
        position = range?.lowerBound ?? 0
        end = range?.upperBound ?? transfer.expectation.sizeBytes
        guard let reader = transfer.addReader(at: position) else { throw .notFound }
        self.reader = reader
    }

    deinit { transfer.removeReader(reader) }

    var mayWait: Bool { true }

    func ready() async throws {
        guard position < end else { return }
        while true {
            let flight = Flight<Bool>()
            let isReady = try readyBytes { flight.land(true) } != nil
            if isReady { return }
            guard await flight.wait() != nil else { throw CancellationError() }
        }
    }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard position < end else { return 0 }
        var available: UInt64?
        while available == nil {
            let semaphore = DispatchSemaphore(value: 0)
            available = try readyBytes { semaphore.signal() }
            if available == nil { semaphore.wait() }
        }
        let count = min(available ?? 0, end - position, UInt64(buffer.count))
        guard count > 0 else { return 0 }
        let read = try unsafe transfer.read(
            at: position,
            into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(count)]),
            for: reader
        )
        position += UInt64(read)
        return read
    }

    func nextPart(
        upTo limitBytes: UInt64,
        orWake wake: @escaping @Sendable () -> Void
    ) throws -> ReadyPart {
        guard let available = try readyBytes(orWake: wake) else { return .none }
        let count = min(available, end - position, limitBytes)
        // Ended and shorter than announced cannot be: it would not have ended well.
        guard count > 0 else { throw CacheError.notFound }
        defer { position += count }
        return transfer.part(position..<position + count)
    }

    func sent(upTo position: UInt64) { transfer.hasRead(upTo: position, reader) }

    private func readyBytes(
        orWake wake: @escaping @Sendable () -> Void
    ) throws(CacheError) -> UInt64? {
        do throws(TransferFailure) {
            return try transfer.ready(at: position, orWake: wake)
        } catch {
            throw CacheError(error)
        }
    }
}
