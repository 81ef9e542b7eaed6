// SPDX-License-Identifier: Apache-2.0

/// A kept delta that is being read.
package final class KeptDelta: Sendable {
    package let sizeBytes: UInt64
    /// Read-only, positioned anywhere; closed with this object.
    package let descriptor: Int32

    private let name: DeltaName
    private let file: ObjectFile
    private let shelf: DeltaShelf

    init?(name: DeltaName, file: ObjectFile, shelf: DeltaShelf) {
        guard let descriptor = file.localDescriptor else { return nil }
        self.descriptor = descriptor
        self.name = name
        self.file = file
        self.shelf = shelf
        sizeBytes = file.sizeBytes
    }

    deinit { shelf.endReading(name) }
}
