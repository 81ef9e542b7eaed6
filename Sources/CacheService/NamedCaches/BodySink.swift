// SPDX-License-Identifier: Apache-2.0

/// Where the body of a request goes that was accepted by its head.
///
/// One task writes it, piece by piece, and finishes it; letting it go before leaves nothing of it.
package protocol BodySink: AnyObject, Sendable {
    /// Takes the next bytes.
    ///
    /// - Throws: ``CacheError`` when the rest is not worth sending.
    func write(_ piece: [UInt8]) async throws

    /// The body is complete.
    ///
    /// - Throws: ``CacheError`` when it is not what it has to be.
    func finish() async throws
}

/// A small body, handed on when it is complete.
final class TextSink: BodySink, @unchecked Sendable {
    // SAFETY: a BodySink has one task, which is all that touches `text`.
    private var text: [UInt8] = []
    private let maximumBytes: Int
    private let onComplete: @Sendable ([UInt8]) async throws -> Void

    init(
        maximumBytes: Int,
        onComplete: @escaping @Sendable ([UInt8]) async throws -> Void
    ) {
        self.maximumBytes = maximumBytes
        self.onComplete = onComplete
    }

    func write(_ piece: [UInt8]) async throws {
        guard text.count + piece.count <= maximumBytes else {
            throw CacheError.tooLarge("at most \(maximumBytes) bytes of this are taken")
        }
        text += piece
    }

    func finish() async throws { try await onComplete(text) }
}
