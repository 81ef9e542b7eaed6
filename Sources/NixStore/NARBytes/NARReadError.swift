// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// Why the NAR of a path could not be read to its end.
///
/// What was handed out before must not count as complete.
package enum NARReadError: Error {
    /// The path is not there any more, which is nobody's fault.
    case pathVanished(StorePath)
    /// The files are not what was registered.
    case hashMismatch(StorePath, expected: NixHash, actual: NixHash)
    /// The files add up to another size than was registered; `actualBytes` is a lower bound.
    case sizeMismatch(StorePath, expectedBytes: UInt64, actualBytes: UInt64)
    /// A file ended before the size that it had when it was opened.
    case shortFile(StorePath, file: String)
    /// A NAR cannot hold a socket, a pipe or a device.
    case unsupportedFile(StorePath, file: String)
    /// A system call failed; `code` is its `errno`.
    case inputOutput(StorePath, file: String, code: Int32)
    /// The caller asked for bytes that the NAR does not have.
    case rangeOutOfBounds(sizeBytes: UInt64)
}
