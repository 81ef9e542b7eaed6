// SPDX-License-Identifier: Apache-2.0

extension ArraySlice<UInt8> {
    /// The bytes without the ASCII white space around them.
    func trimmingSpace() -> ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (9...13).contains(byte) }
        guard let first = firstIndex(where: { !isSpace($0) }),
            let last = lastIndex(where: { !isSpace($0) })
        else { return self[endIndex...] }
        return self[first...last]
    }
}
