// SPDX-License-Identifier: Apache-2.0
import Glibc

/// An open file that does not change any more.
final class ObjectFile: ObjectReading {
    let sizeBytes: UInt64
    var localDescriptor: Int32? { file.number }

    private let name: String
    private let file: OwnedDescriptor

    init(_ file: consuming OwnedDescriptor, name: String, sizeBytes: UInt64) {
        self.file = file
        self.name = name
        self.sizeBytes = sizeBytes
    }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard offset < sizeBytes else { return 0 }
        let wanted = Int(min(UInt64(buffer.count), sizeBytes - offset))
        let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
        try unsafe file.read(bytes, at: offset, name: name)
        return wanted
    }
}
