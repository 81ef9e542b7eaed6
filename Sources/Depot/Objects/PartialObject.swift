// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// An object whose bytes come in any order, from any number of threads, and over several lives of the
/// process.
///
/// What is there is never written over, so that whoever has verified it may rely on it. It is there
/// again after the process was killed. A loss of power may take it away or damage it: who finishes an
/// object has read and verified all of it in the same life.
package protocol PartialObject: AnyObject, Sendable {
    /// What was written, in order; no two of them touch.
    var have: [Range<UInt64>] { get }

    /// Writes those of the bytes that are not there, and that nobody else is just writing.
    ///
    /// - Throws: Also after `finished(sizeBytes:)`.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws

    /// Fills the front of a buffer with what was written at an offset.
    ///
    /// - Returns: How many bytes; fewer than the buffer holds where more was not written.
    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int

    /// A writer that has this many bytes and shows them under a key; nothing is written from now on.
    ///
    /// To abandon it leaves everything as it was: the object can be written on, and opened again.
    ///
    /// - Throws: While something is just being written.
    func finished(sizeBytes: UInt64) throws -> any ObjectWriting

    /// Removes it; what is open can be used until it is let go.
    func remove() throws
}

/// The name of an unfinished object.
///
/// - Shape: 32 characters of Nix base-32.
package struct PartialID: Hashable, Sendable, CustomStringConvertible {
    private let hash: StorePathHash

    /// A name that only this text leads to.
    ///
    /// - Source: SHA-256, of which 160 bits stay, as in store paths.
    package init(of text: String) {
        let digest = SHA256Hasher.hash(Array(text.utf8)).digest
        guard
            let hash = try? StorePathHash(parsing: NixBase32.encode(Array(digest.prefix(20))))
        else { preconditionFailure("20 bytes are 32 characters") }
        self.hash = hash
    }

    /// - Returns: `nil` for text of another shape.
    package init?(parsing text: some StringProtocol) {
        guard let hash = try? StorePathHash(parsing: text) else { return nil }
        self.hash = hash
    }

    package var description: String { "\(hash)" }
}
