// SPDX-License-Identifier: Apache-2.0

/// Unsigned decimal numbers as the formats write them: digits alone, no sign, no space.
enum DecimalNumber {
    static func parse(_ text: ArraySlice<UInt8>) -> UInt64? {
        guard !text.isEmpty else { return nil }
        var value: UInt64 = 0
        for character in text {
            guard (0x30...0x39).contains(character) else { return nil }
            let (product, overflowed) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(UInt64(character - 0x30))
            guard !overflowed, !carried else { return nil }
            value = sum
        }
        return value
    }
}
