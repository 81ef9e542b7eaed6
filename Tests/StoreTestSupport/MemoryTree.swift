// SPDX-License-Identifier: Apache-2.0
package import NixFormat
import NixStore

/// A file tree in memory.
package indirect enum MemoryTree: Sendable {
    case file([UInt8], isExecutable: Bool = false)
    case directory([[UInt8]: MemoryTree])
    /// Always one that leads out of the path.
    case symlink([UInt8])

    package static func text(_ text: String) -> MemoryTree { .file(Array(text.utf8)) }

    package static func folder(_ entries: [String: MemoryTree]) -> MemoryTree {
        .directory(Dictionary(uniqueKeysWithValues: entries.map { (Array($0.utf8), $1) }))
    }

    var sortedEntries: [(name: [UInt8], tree: MemoryTree)] {
        guard case .directory(let entries) = self else { return [] }
        return entries.sorted { $0.key.lexicographicallyPrecedes($1.key) }
            .map { (name: $0.key, tree: $0.value) }
    }

    func add(to builder: inout NARListingBuilder) {
        switch self {
        case .file(let bytes, let isExecutable):
            builder.regularFile(isExecutable: isExecutable, sizeBytes: UInt64(bytes.count))
        case .symlink(let target):
            builder.symlink(target: target)
        case .directory:
            builder.beginDirectory()
            for entry in sortedEntries {
                builder.beginEntry(name: entry.name)
                entry.tree.add(to: &builder)
                builder.endEntry()
            }
            builder.endDirectory()
        }
    }

    func open(_ components: ArraySlice<[UInt8]>) throws -> StoreFile? {
        switch (self, components.first) {
        case (.file(let bytes, let isExecutable), nil):
            return .regular(try .temporary(bytes), isExecutable: isExecutable)
        case (.symlink(let target), nil):
            return .symlinkOutside(target: target)
        case (.directory, nil):
            return .directory(
                sortedEntries.map { StoreFileEntry(name: $0.name, kind: $0.tree.kind) }
            )
        case (.directory(let entries), let name?):
            return try entries[name]?.open(components.dropFirst())
        case (.file, _?), (.symlink, _?):
            return nil
        }
    }

    private var kind: StoreFileEntry.Kind {
        switch self {
        case .file: .regular
        case .directory: .directory
        case .symlink: .symlink
        }
    }
}

/// A log as it lies in a folder.
package struct MemoryLog: Sendable {
    let bytes: [UInt8]
    let compression: NARCompression

    package init(_ bytes: [UInt8], _ compression: NARCompression = .none) {
        self.bytes = bytes
        self.compression = compression
    }
}
