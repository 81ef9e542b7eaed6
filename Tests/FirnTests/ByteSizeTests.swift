// SPDX-License-Identifier: Apache-2.0
import Testing
import firn

@Suite struct ByteSizeTests {
    @Test(arguments: [
        ("0B", 0), ("7B", 7), ("1kB", 1_000), ("1KB", 1_000), ("3KiB", 3_072),
        ("5MB", 5_000_000), ("5MiB", 5_242_880), ("5GB", 5_000_000_000),
        ("5GiB", 5_368_709_120), ("2TB", 2_000_000_000_000), ("16TiB", 17_592_186_044_416),
    ])
    func decimalAndBinaryUnitsDiffer(_ text: String, _ bytes: UInt64) throws {
        #expect(try ByteSize(parsing: text).bytes == bytes)
    }

    @Test(arguments: ["", "GB", "-1GB", "1.5GB", "5 GB", "5", "5gb", "5Gb", "0x5GB", "5GBs", "٥GB"])
    func whatIsNoSizeIsRefused(_ text: String) {
        #expect(throws: ByteSize.ParseError.self) { try ByteSize(parsing: text) }
    }

    @Test func aSizeBeyondSixtyFourBitsIsTooLargeAndDoesNotWrap() {
        #expect(throws: ByteSize.ParseError.tooLarge) { try ByteSize(parsing: "16777216TiB") }
        #expect(throws: ByteSize.ParseError.tooLarge) {
            try ByteSize(parsing: "99999999999999999999B")
        }
    }

    @Test func descriptionsReadBackAsTheSameSize() throws {
        var random = SystemRandomNumberGenerator()
        let sizes = (0..<200).map { shift in
            UInt64.random(in: 0...UInt64.max, using: &random) >> (shift % 64)
        }
        for bytes in sizes + [0, 1_000, 1_024, 10_000_000_000] {
            let size = ByteSize(bytes: bytes)
            #expect(try ByteSize(parsing: size.description) == size)
        }
        #expect(ByteSize(bytes: 10_000_000_000).description == "10GB")
        #expect(ByteSize(bytes: 1 << 31).description == "2GiB")
    }
}
