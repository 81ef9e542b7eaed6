// SPDX-License-Identifier: Apache-2.0

/// Where the bytes of a transfer are kept until nobody wants them: one writer, any number of readers.
protocol SpoolFile: AnyObject, Sendable {
    /// Whether all of it stays until the end. Otherwise it only holds what some reader still lacks.
    var keepsAll: Bool { get }
    /// How far the file may run ahead of its slowest reader where not all of it is kept.
    var windowBytes: UInt64 { get }

    /// Adds bytes at the end.
    func append(_ bytes: UnsafeRawBufferPointer) throws

    /// Fills the front of a buffer with bytes that were appended before.
    ///
    /// - Returns: How many, at least one.
    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int

    /// The same bytes where they lie.
    func part(_ range: Range<UInt64>) -> ReadyPart

    /// Nobody will read what lies before this offset.
    func discard(before offset: UInt64)
}

extension SpoolFile {
    var windowBytes: UInt64 { Transfer.windowBytes }
}
