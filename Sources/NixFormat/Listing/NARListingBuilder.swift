// SPDX-License-Identifier: Apache-2.0

/// Makes a listing from the steps through a tree, whether a NAR's or a file system's.
///
/// It reckons the offsets from the sizes, so that a walk need not read any contents. The calls
/// have the order of ``NARWriter``; entries must come sorted by bytes.
public struct NARListingBuilder: Sendable {
    private var nodes: [NARListing.Node] = []
    private var name: [UInt8] = []
    private var depth = 0
    private var offset = UInt64(NARToken.archive.count)

    /// Starts before the root.
    public init() {}

    /// How large the NAR is up to here; after the last call, its whole size.
    public var narSizeBytes: UInt64 { offset }

    /// A directory starts.
    public mutating func beginDirectory() {
        add(.directory)
        skip(NARToken.beginDirectory.count)
        depth += 1
    }

    /// The next entry of the directory starts.
    public mutating func beginEntry(name: [UInt8]) {
        self.name = name
        skip(NARToken.beginEntry.count + NARToken.node.count)
        skipString(UInt64(name.count))
    }

    /// The entry is complete.
    public mutating func endEntry() { skip(NARToken.close.count) }

    /// The directory is complete.
    public mutating func endDirectory() {
        depth -= 1
        precondition(depth >= 0, "as many directories must end as have begun")
        skip(NARToken.close.count)
    }

    /// A whole file.
    public mutating func regularFile(isExecutable: Bool, sizeBytes: UInt64) {
        let framing = isExecutable ? NARToken.beginExecutable : NARToken.beginRegular
        let start = offset &+ UInt64(framing.count + NARToken.lengthSizeBytes)
        add(.regular(sizeBytes: sizeBytes, isExecutable: isExecutable, narOffset: start))
        skip(framing.count)
        skipString(sizeBytes)
        skip(NARToken.close.count)
    }

    /// A whole symbolic link.
    public mutating func symlink(target: [UInt8]) {
        add(.symlink(target: target))
        skip(NARToken.beginSymlink.count)
        skipString(UInt64(target.count))
        skip(NARToken.close.count)
    }

    /// Takes a step of ``NARParser``.
    public mutating func take(_ event: NAREvent) {
        switch event {
        case .beginDirectory: beginDirectory()
        case .beginEntry(let name): beginEntry(name: name)
        case .endEntry: endEntry()
        case .endDirectory: endDirectory()
        case .beginRegularFile(let isExecutable, let sizeBytes, _):
            regularFile(isExecutable: isExecutable, sizeBytes: sizeBytes)
        case .symlink(let target): symlink(target: target)
        case .contents, .endRegularFile, .end: break
        }
    }

    /// The listing, once the root is complete.
    public consuming func finish() -> NARListing {
        precondition(depth == 0 && !nodes.isEmpty, "a listing needs a complete root")
        return NARListing(nodes: nodes)
    }

    private mutating func add(_ kind: NARListing.Kind) {
        nodes.append(NARListing.Node(name: name, depth: depth, kind: kind))
    }

    private mutating func skip(_ count: Int) { offset &+= UInt64(count) }

    private mutating func skipString(_ sizeBytes: UInt64) {
        offset &+= sizeBytes
        skip(NARToken.lengthSizeBytes + NARWriter.paddingSizeBytes(after: sizeBytes))
    }
}
