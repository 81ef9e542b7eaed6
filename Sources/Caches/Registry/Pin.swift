// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// A name for a path of a cache that collection leaves alone, with all that the path needs.
package struct Pin: Codable, Hashable, Sendable {
    /// One path that the name has meant.
    package struct Revision: Hashable, Sendable {
        package var path: StorePath
        /// Seconds of Unix time.
        package var pinnedAt: Int64

        package init(path: StorePath, pinnedAt: Int64) {
            self.path = path
            self.pinnedAt = pinnedAt
        }
    }

    /// Which revisions behind the newest stay; the newest always does.
    package enum Keep: Codable, Hashable, Sendable {
        /// So many, the newest included.
        case revisions(Int)
        /// Those that are no older.
        case days(Int)
    }

    /// - Shape: 1 to 200 printable characters without a slash.
    package var name: String
    package var keep: Keep
    /// The newest first.
    package var revisions: [Revision]

    package static let mostRevisions = 1_000

    package init(name: String, keep: Keep, revisions: [Revision]) {
        self.name = name
        self.keep = keep
        self.revisions = revisions
    }

    package static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 200
            && text.unicodeScalars.allSatisfy { scalar in
                scalar.value > 0x20 && scalar.value != 0x7F && scalar != "/"
            }
    }

    /// Means another path from now on, and forgets what is not to be kept.
    package mutating func add(_ path: StorePath, keep: Keep, at now: Int64) {
        self.keep = keep
        revisions.removeAll { $0.path == path }
        revisions.insert(Revision(path: path, pinnedAt: now), at: 0)
        revisions = kept(at: now)
    }

    /// The revisions that still stay.
    package func kept(at now: Int64) -> [Revision] {
        switch keep {
        case .revisions(let count):
            Array(revisions.prefix(max(1, min(count, Self.mostRevisions))))
        case .days(let days):
            Array(
                revisions.prefix(1)
                    + revisions.dropFirst().prefix(Self.mostRevisions - 1)
                    .filter { $0.pinnedAt > now - Int64(days) * 86_400 }
            )
        }
    }
}

extension Pin.Revision: Codable {
    private enum CodingKeys: String, CodingKey {
        case path
        case pinnedAt = "pinned-at"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let text = try container.decode(String.self, forKey: .path)
        guard let path = try? StorePath(parsing: text) else {
            throw DecodingError.dataCorruptedError(
                forKey: .path,
                in: container,
                debugDescription: "not the base name of a store path"
            )
        }
        self.init(path: path, pinnedAt: try container.decode(Int64.self, forKey: .pinnedAt))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode("\(path)", forKey: .path)
        try container.encode(pinnedAt, forKey: .pinnedAt)
    }
}
