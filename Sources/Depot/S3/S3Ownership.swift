// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Keeps a second depot out of a place in a bucket: each leaves the name of its folder there, and
/// starts only where it finds its own.
///
/// The catalog is beside the folder, not in the bucket: two of them would each remove what the other
/// has stored. It is no lock; that of the folder keeps a second process of one machine out.
enum S3Ownership {
    static let name = "firn-owner"

    /// Leaves the name of a depot, or finds it.
    ///
    /// `folder`: Of the depot on this machine; has the depot's identity in a file.
    /// - Throws: `S3Problem.owned(by:)` where another one was first, and what a request throws.
    static func claim(_ client: S3Client, folder: String) throws {
        let identity = try identity(folder)
        let text = Array("\(identity)\n".utf8)
        if let found = try client.get(name) { return try require(identity, found) }
        guard try client.put(name, .bytes(text), onlyIfNew: true) == nil else {
            // A store that knows no conditions may have taken both of two that came at once.
            return try require(identity, client.get(name) ?? [])
        }
        try require(identity, client.get(name) ?? [])
    }

    private static func require(_ identity: String, _ found: [UInt8]) throws {
        let owner = String(decoding: found.prefix(200), as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        guard owner != identity else { return }
        throw S3Problem.owned(by: owner.isEmpty ? "without a name" : owner)
    }

    /// - Shape: The host's name when it was made, and a random number.
    private static func identity(_ folder: String) throws -> String {
        let path = "\(folder)/\(name)"
        if let text = try? String(contentsOfFile: path, encoding: .utf8) {
            let known = text.trimmingCharacters(in: .whitespacesAndNewlines)
            if !known.isEmpty { return known }
        }
        let host = ProcessInfo.processInfo.hostName.prefix(100)
        let made = "\(host) \(UUID().uuidString)"
        do {
            try Data("\(made)\n".utf8).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw DepotError.file(operation: "write", path: path, errno: EIO)
        }
        return made
    }
}
