// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// An object that has come before it is known which path it is for.
package protocol UploadedObject: Sendable {
    var form: NARForm { get }

    /// Hands over the file and what is reserved for it, to become the object of a path.
    ///
    /// - Returns: `nil` when not all of it is here, or when it was handed over or has ended.
    func takeOver() -> UploadedFile?

    /// What was handed over has become the object of a path.
    func settle()

    /// Takes back what was handed over and did not become one.
    func giveBack(_ file: UploadedFile)
}

/// The file of an ``UploadedObject``.
package struct UploadedFile: Sendable {
    let writer: any ObjectWriting
    let sizeBytes: UInt64
    let fileHash: NixHash
    /// In whole blocks, and enough.
    let reservedBytes: UInt64
}
