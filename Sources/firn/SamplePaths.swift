// SPDX-License-Identifier: Apache-2.0
import Foundation
import NixFormat

/// Paths of this machine that a cache may have as well, those first that others are likely to have.
struct SamplePaths {
    let storeDirectory: StoreDirectory
    /// Where the store is; empty for this machine's own.
    let root: String

    private static let likely = ["/run/current-system", "/nix/var/nix/profiles/default"]

    init(storeDirectory: StoreDirectory, root: String) {
        self.storeDirectory = storeDirectory
        self.root = root == "/" ? "" : root
    }

    /// A store elsewhere is named by its root.
    init(storeDirectory: StoreDirectory, environment: [String: String]) {
        let remote = environment["NIX_REMOTE"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? ""
        self.init(storeDirectory: storeDirectory, root: remote)
    }

    /// Reads the store's folder, which blocks.
    func find(atMost count: Int) -> [StorePath] {
        let prefix = "\(storeDirectory.path)/"
        var names = Self.likely.compactMap { link -> String? in
            let target = URL(filePath: link).resolvingSymlinksInPath().path()
            guard target.hasPrefix(prefix) else { return nil }
            return target.dropFirst(prefix.count).split(separator: "/").first.map(String.init)
        }
        // Only so many are looked at: a store has a hundred thousand.
        let store = FileManager.default.enumerator(
            at: URL(filePath: root + storeDirectory.path),
            includingPropertiesForKeys: nil,
            options: [.skipsSubdirectoryDescendants]
        )
        while names.count < 8 * count, let next = store?.nextObject() as? URL {
            names.append(next.lastPathComponent)
        }
        let paths = names.compactMap { try? StorePath(parsing: $0) }.filter { !$0.isDerivation }
        return Array(paths.prefix(count))
    }
}
