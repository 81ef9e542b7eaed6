// SPDX-License-Identifier: Apache-2.0

/// What a directory entry may be called: any bytes that a file system could not take for a path.
enum NAREntryName {
    static func isValid(_ name: [UInt8]) -> Bool {
        guard !name.isEmpty, name != [0x2E], name != [0x2E, 0x2E] else { return false }
        return !name.contains { $0 == 0x2F || $0 == 0 }
    }
}
