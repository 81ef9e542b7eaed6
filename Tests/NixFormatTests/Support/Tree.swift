// SPDX-License-Identifier: Apache-2.0

import NixFormat

/// What a NAR may hold, in memory.
indirect enum Tree: Hashable {
    case regular(contents: [UInt8], isExecutable: Bool)
    case symlink(target: [UInt8])
    case directory([Entry])

    struct Entry: Hashable {
        let name: [UInt8]
        let node: Tree
    }

    /// The whole NAR.
    var nar: [UInt8] {
        var output: [UInt8] = []
        NARWriter.begin(into: &output)
        append(to: &output)
        return output
    }

    /// A listing made by walking, not from a NAR.
    var listing: NARListing {
        var builder = NARListingBuilder()
        describe(to: &builder)
        return builder.finish()
    }

    private func append(to output: inout [UInt8]) {
        switch self {
        case .regular(let contents, let isExecutable):
            let size = UInt64(contents.count)
            NARWriter.beginRegularFile(
                isExecutable: isExecutable,
                contentSizeBytes: size,
                into: &output
            )
            output += contents
            NARWriter.endRegularFile(contentSizeBytes: size, into: &output)
        case .symlink(let target): NARWriter.symlink(target: target, into: &output)
        case .directory(let entries):
            NARWriter.beginDirectory(into: &output)
            for entry in entries {
                NARWriter.beginEntry(name: entry.name, into: &output)
                entry.node.append(to: &output)
                NARWriter.endEntry(into: &output)
            }
            NARWriter.endDirectory(into: &output)
        }
    }

    private func describe(to builder: inout NARListingBuilder) {
        switch self {
        case .regular(let contents, let isExecutable):
            builder.regularFile(isExecutable: isExecutable, sizeBytes: UInt64(contents.count))
        case .symlink(let target): builder.symlink(target: target)
        case .directory(let entries):
            builder.beginDirectory()
            for entry in entries {
                builder.beginEntry(name: entry.name)
                entry.node.describe(to: &builder)
                builder.endEntry()
            }
            builder.endDirectory()
        }
    }
}

extension Tree {
    /// Any tree that a file system of Linux can hold.
    static func random(using random: inout SeededRandom, depth: Int = 5) -> Tree {
        switch Int.random(in: 0..<(depth > 0 ? 6 : 3), using: &random) {
        case 0:
            let size = Int.random(in: 0...40, using: &random)
            return .regular(contents: random.bytes(size), isExecutable: false)
        case 1:
            let size = [0, 1, 7, 8, 9, 4096, 5000].randomElement(using: &random) ?? 0
            return .regular(contents: random.bytes(size), isExecutable: true)
        case 2:
            let size = Int.random(in: 1...60, using: &random)
            return .symlink(target: random.bytes(size, from: 1...255))
        default:
            let count = Int.random(in: 0...8, using: &random)
            var nodes: [[UInt8]: Tree] = [:]
            for _ in 0..<count {
                nodes[name(using: &random)] = .random(using: &random, depth: depth - 1)
            }
            let names = nodes.keys.sorted { $0.lexicographicallyPrecedes($1) }
            return .directory(
                names.compactMap { name in nodes[name].map { Entry(name: name, node: $0) } }
            )
        }
    }

    private static func name(using random: inout SeededRandom) -> [UInt8] {
        while true {
            let size = Int.random(in: 1...12, using: &random)
            let name = random.bytes(size, from: 1...255).filter { $0 != 0x2F }
            if !name.isEmpty, name != [0x2E], name != [0x2E, 0x2E] { return name }
        }
    }
}
