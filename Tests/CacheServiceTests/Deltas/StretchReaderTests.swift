// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import NixStore
import StoreTestSupport
import Synchronization
import Testing

@testable import CacheService

/// Stretches of a path of many files, none of which can be found but by going through those before it.
@Suite struct StretchReaderTests {
    private func withTree(
        _ body: (LocalNAR, [UInt8], MemoryStore) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let tree = try directory.makeDirectory("tree")
            for number in 0..<300 {
                let folder = "tree/\(number / 40)"
                if number % 40 == 0 { _ = try directory.makeDirectory(folder) }
                let text = String(repeating: "\(number) ", count: 10 + number * 7 % 300)
                try directory.write(text, to: "\(folder)/file-\(number)")
            }
            let dump = try await Command("nix-store", ["--dump", tree]).run(deadline: .seconds(60))
            let nar = try dump.requireSuccess().output
            let store = MemoryStore()
            let info = PathInfo(
                id: 1,
                path: try .named("tree"),
                narHash: SHA256Hasher.hash(nar),
                narSizeBytes: UInt64(nar.count)
            )
            store.change { $0.folders[info.path] = tree }
            try await body(LocalNAR(info, in: store), nar, store)
        }
    }

    private func expected(_ stretches: [Range<UInt64>], of nar: [UInt8]) -> [UInt8] {
        stretches.flatMap { nar[Int($0.lowerBound)..<Int($0.upperBound)] }
    }

    /// As segments refer to them: each a little in front of where the one before ended.
    @Test func overlappingStretchesAreReadInFewPasses() async throws {
        try await withTree { base, nar, store in
            let reader = StretchReader(base)
            let step = UInt64(nar.count / 40)
            for start in stride(from: UInt64(0), to: UInt64(nar.count) - 4 * step, by: Int(step)) {
                let stretches = [start..<start + step, start + step + 50..<start + 5 * step / 2]
                let bytes = try reader.read(stretches)
                #expect(bytes == expected(stretches, of: nar))
            }
            #expect(store.narsOpened.load(ordering: .relaxed) <= 3)
        }
    }

    @Test func stretchesInAnyOrderAreRight() async throws {
        try await withTree { base, nar, _ in
            let reader = StretchReader(base)
            var generator = SystemRandomNumberGenerator()
            for _ in 0..<200 {
                let stretches = (0..<3).map { _ in
                    let start = UInt64.random(in: 0..<UInt64(nar.count), using: &generator)
                    return start..<UInt64.random(in: start...UInt64(nar.count), using: &generator)
                }
                let bytes = try reader.read(stretches)
                #expect(bytes == expected(stretches, of: nar), "\(stretches)")
            }
        }
    }
}
