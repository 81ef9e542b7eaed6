// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Trees as a hostile builder would make them, the same for the same seed.
struct RandomTree {
    private var generator: SeededGenerator
    private var remainingNodes = 250

    /// Makes a tree at a path that does not exist.
    static func make(at path: String, seed: UInt64) throws {
        var tree = RandomTree(generator: SeededGenerator(seed: seed))
        try tree.makeDirectory(at: Array(path.utf8), depth: 0)
    }

    private mutating func makeDirectory(at path: [UInt8], depth: Int) throws {
        try check(unsafe path.withPath { unsafe mkdir($0, 0o755) }, path)
        let count = Int.random(in: 0...(depth == 0 ? 60 : 12), using: &generator)
        var names: Set<[UInt8]> = []
        for _ in 0..<count where remainingNodes > 0 {
            let name = randomName()
            guard names.insert(name).inserted else { continue }
            remainingNodes -= 1
            try makeNode(at: path + [0x2F] + name, depth: depth + 1)
        }
    }

    private mutating func makeNode(at path: [UInt8], depth: Int) throws {
        switch Int.random(in: 0..<10, using: &generator) {
        case 0 where depth < 6, 1 where depth < 6: try makeDirectory(at: path, depth: depth)
        case 2: try makeSymlink(at: path)
        default: try makeFile(at: path)
        }
    }

    private mutating func makeFile(at path: [UInt8]) throws {
        let sizes = [0, 1, 7, 8, 9, 4095, 4096, 70_001, 300_000]
        let size = sizes[Int.random(in: 0..<sizes.count, using: &generator)]
        let seedByte = UInt8.random(in: 0...255, using: &generator)
        var bytes = [UInt8](repeating: seedByte, count: size)
        for offset in stride(from: 0, to: size, by: 997) { bytes[offset] = UInt8(offset & 0xFF) }
        // Nix looks at the owner's bit alone.
        let modes: [mode_t] = [0o644, 0o755, 0o444, 0o555, 0o455, 0o655, 0o744]
        let mode = modes[Int.random(in: 0..<modes.count, using: &generator)]
        try FileMaker.write(bytes, to: path)
        try check(unsafe path.withPath { unsafe chmod($0, mode) }, path)
    }

    private mutating func makeSymlink(at path: [UInt8]) throws {
        let target = (0..<Int.random(in: 1...300, using: &generator)).map { _ in
            UInt8.random(in: 1...255, using: &generator)
        }
        let code = unsafe target.withPath { target in
            unsafe path.withPath { unsafe symlink(target, $0) }
        }
        try check(code, path)
    }

    private mutating func randomName() -> [UInt8] {
        let isLong = Int.random(in: 0..<20, using: &generator) == 0
        let length = isLong ? 255 : Int.random(in: 1...12, using: &generator)
        let lowest: UInt8 = Bool.random(using: &generator) ? 1 : 0x61
        let highest: UInt8 = lowest == 1 ? 255 : 0x64
        let name = (0..<length).map { _ in
            let byte = UInt8.random(in: lowest...highest, using: &generator)
            return byte == 0x2F ? 0x5F : byte
        }
        return name == [0x2E] || name == [0x2E, 0x2E] ? [0x61] : name
    }
}

/// A generator that gives the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
    }

    mutating func next() -> UInt64 {
        state = state &+ 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
