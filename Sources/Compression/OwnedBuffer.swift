// SPDX-License-Identifier: Apache-2.0

/// Memory that is freed when it is let go; pages that are never touched cost nothing.
@safe struct OwnedBuffer: ~Copyable, @unchecked Sendable {
    // SAFETY: allocated and freed here only, and the owner is not copyable, so whoever holds it is
    // the only one who can reach the memory.
    let bytes: UnsafeMutableRawBufferPointer

    init(byteCount: Int) {
        unsafe bytes = .allocate(byteCount: byteCount, alignment: 16)
    }

    deinit { unsafe bytes.deallocate() }

    /// Copies bytes to an offset; they must fit.
    func copy(_ source: UnsafeRawBufferPointer, at offset: Int) {
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[offset...])
        unsafe target.copyMemory(from: source)
    }
}
