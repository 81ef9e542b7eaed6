// SPDX-License-Identifier: Apache-2.0
import CacheServer
import CacheService
import Testing

/// Names of NARs as clients remember them, and what somebody might make of them.
@Suite struct NARNameTests {
    private static let hash = "6ybamns7d5nmxvmb9a1vxqrfaxsrz3vl"
    private static let narHash = "1impfw8zdgisxkghq9a3q7cn7jb9zyzgxdydiamp8z2nlyyl0h5h"
    private static let names = [
        "\(hash).nar", "\(hash)-\(narHash).nar", "\(hash)-\(narHash).nar.zst",
        "\(narHash).nar?hash=\(hash)", "\(hash)-\(narHash)-\(narHash).nar.xz",
        "\(hash)-\(narHash)-\(narHash).nar.bz2", "\(hash)-\(narHash)-\(narHash).nar.br",
    ]
    private static let pieces = [
        "-", ".", "..", "%2f", "%00", "?", "&hash=", ".nar", ".xz", ".zst", "/", "é", hash, narHash,
    ]

    @Test(arguments: UInt64(1)...20)
    func aNameThatWasChangedIsRefusedOrNamesWhatItSays(seed: UInt64) throws {
        var random = Xorshift(state: seed)
        var taken = 0
        for _ in 0..<2_000 {
            var name = Self.names.randomElement(using: &random) ?? ""
            for _ in 0..<Int.random(in: 0...3, using: &random) { change(&name, &random) }
            guard let endpoint = try? Endpoint(parsing: "/nar/\(name)"),
                case .nar(let request) = endpoint
            else { continue }
            taken += 1
            // It is one part of a path, and says the same when it is asked for again.
            let written = request.fileName
            #expect(!written.contains("/") && !written.hasPrefix("."), "\(name)")
            #expect(written.hasPrefix("\(request.storeHash)"), "\(name)")
            #expect(try Endpoint(parsing: "/nar/\(written)") == endpoint, "\(name)")
        }
        #expect(taken > 100)
    }

    private func change(_ name: inout String, _ random: inout Xorshift) {
        let place = name.index(
            name.startIndex,
            offsetBy: Int.random(in: 0...name.count, using: &random)
        )
        switch Int.random(in: 0..<4, using: &random) {
        case 0: name.insert(contentsOf: Self.pieces.randomElement(using: &random) ?? "", at: place)
        case 1: name = String(name[..<place])
        case 2: name = String(name[place...])
        default:
            guard place < name.endIndex else { return }
            name.replaceSubrange(place...place, with: "e")
        }
    }
}

/// - Source: Marsaglia, "Xorshift RNGs", 2003.
private struct Xorshift: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
