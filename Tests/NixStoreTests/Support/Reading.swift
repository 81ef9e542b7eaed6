// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import NixFormat
import NixStore

extension NARReader {
    /// Reads to the end, in pieces of the sizes that come in turn.
    func readAll(pieces: [Int] = [65_536]) throws -> [UInt8] {
        var all: [UInt8] = []
        var turn = 0
        while true {
            let piece = try read(upTo: pieces[turn % pieces.count])
            if piece.isEmpty { return all }
            all += piece
            turn += 1
        }
    }

    func read(upTo count: Int) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0xEE, count: count)
        let filled = try unsafe buffer.withUnsafeMutableBytes { try unsafe fill($0) }
        return Array(buffer[..<filled])
    }
}

extension PathInfo {
    /// As Nix would register a tree whose NAR this is.
    init(nar: [UInt8], id: Int64 = 1) throws {
        self.init(
            id: id,
            path: try StorePath(parsing: "0123456789abcdfghijklmnpqrsvwxyz-tree"),
            narHash: SHA256Hasher.hash(nar),
            narSizeBytes: UInt64(nar.count)
        )
    }
}

/// The NAR of a tree, made by the machine's Nix.
func dump(_ path: String) async throws -> [UInt8] {
    try await Command("nix-store", ["--dump", path]).run(deadline: .seconds(60))
        .requireSuccess().output
}
