// SPDX-License-Identifier: Apache-2.0
import Compression
import Synchronization

/// Memory in which one frame of a file is unpacked: for as many at once as there are threads that do it,
/// however many files are coming.
@safe final class CheckRoom: @unchecked Sendable {
    // SAFETY: allocated and freed here; whoever took it out of its pool is the only one who has it.
    let packed: UnsafeMutableRawBufferPointer
    let contents: UnsafeMutableRawBufferPointer

    init() {
        unsafe packed = .allocate(
            byteCount: SeekableFileCheck.maximumFrameBytes,
            alignment: 16
        )
        unsafe contents = .allocate(byteCount: SeekableFileCheck.contentBytes, alignment: 16)
    }

    deinit {
        unsafe packed.deallocate()
        unsafe contents.deallocate()
    }
}

final class CheckRooms: Sendable {
    private let free = Mutex<[CheckRoom]>([])

    func with<Value>(_ body: (CheckRoom) throws -> Value) rethrows -> Value {
        let room = free.withLock { $0.popLast() } ?? CheckRoom()
        defer { free.withLock { $0.append(room) } }
        return try body(room)
    }
}
