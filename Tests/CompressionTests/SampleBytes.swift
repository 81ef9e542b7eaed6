// SPDX-License-Identifier: Apache-2.0

/// Bytes that are the same in every run, partly compressible like programs are.
enum SampleBytes {
    /// Runs of noise and of repeated text by turns.
    static func make(count: Int, seed: UInt64) -> [UInt8] {
        var random = SplitMix(state: seed)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 4096)
        while bytes.count < count {
            let value = random.next()
            let length = Int(value % 4096)
            if value & 1 << 40 == 0 {
                for _ in 0..<length { bytes.append(UInt8(truncatingIfNeeded: random.next())) }
            } else {
                let text = Array("/nix/store/\(value % 97)-library/lib/".utf8)
                for index in 0..<length { bytes.append(text[index % text.count]) }
            }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}

/// A generator whose numbers follow from its seed alone.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
