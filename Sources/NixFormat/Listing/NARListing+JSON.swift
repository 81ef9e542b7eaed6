// SPDX-License-Identifier: Apache-2.0

extension NARListing {
    /// The spellings of the same listing, by the version of Nix that writes them.
    ///
    /// Byte for byte what `nix nar ls --json -R` prints. Names that are not UTF-8 are written as
    /// they are, which is what the first does; later ones refuse to list such a NAR.
    public enum JSONForm: CaseIterable, Hashable, Sendable {
        /// `type` comes first, `executable` is there when true: Nix up to 2.12.
        case typeFirst
        /// Fields are sorted, `executable` is there when true: Nix 2.13 to 2.34.
        case sorted
        /// Fields are sorted, `executable` is always there: Nix 2.35 and later.
        case sortedWithExecutable
    }

    /// The root alone, as `nix nar ls --json -R` prints it.
    public func rootJSON(_ form: JSONForm) -> [UInt8] {
        var output: [UInt8] = []
        appendRoot(form, to: &output)
        return output
    }

    /// The document that a binary cache serves as `HASH.ls`: the root and a version.
    public func documentJSON(_ form: JSONForm) -> [UInt8] {
        var output: [UInt8] = []
        if form == .typeFirst {
            output.append(contentsOf: #"{"version":1,"root":"#.utf8)
            appendRoot(form, to: &output)
            output.append(0x7D)
        } else {
            output.append(contentsOf: #"{"root":"#.utf8)
            appendRoot(form, to: &output)
            output.append(contentsOf: #","version":1}"#.utf8)
        }
        return output
    }

    private func appendRoot(_ form: JSONForm, to output: inout [UInt8]) {
        let writer = NARListingJSONWriter(form: form)
        // A rough guess, as growing from nothing would copy a large listing many times.
        output.reserveCapacity(output.count + nodes.count * 80)
        for index in nodes.indices {
            let next = index + 1 < nodes.count ? nodes[index + 1].depth : 0
            writer.append(nodes[index], nextDepth: next, isFirst: isFirst(index), to: &output)
        }
    }

    /// Whether no sibling comes before this node.
    private func isFirst(_ index: Int) -> Bool {
        index == 0 || nodes[index - 1].depth < nodes[index].depth
    }
}

private struct NARListingJSONWriter {
    let form: NARListing.JSONForm

    func append(
        _ node: NARListing.Node,
        nextDepth: Int,
        isFirst: Bool,
        to output: inout [UInt8]
    ) {
        if !isFirst { output.append(0x2C) }
        if node.depth > 0 {
            appendString(node.name, to: &output)
            output.append(0x3A)
        }
        output.append(0x7B)
        switch node.kind {
        case .directory:
            if form == .typeFirst { output.append(contentsOf: #""type":"directory","#.utf8) }
            output.append(contentsOf: #""entries":{"#.utf8)
            if nextDepth <= node.depth { appendDirectoryEnd(to: &output) }
        case .regular(let sizeBytes, let isExecutable, let narOffset):
            appendRegular(sizeBytes, isExecutable, narOffset, to: &output)
        case .symlink(let target):
            appendSymlink(target, to: &output)
        }
        // The directories that this node is the last one of.
        for _ in nextDepth..<max(nextDepth, node.depth) { appendDirectoryEnd(to: &output) }
    }

    private func appendDirectoryEnd(to output: inout [UInt8]) {
        output.append(0x7D)
        if form != .typeFirst { output.append(contentsOf: #","type":"directory""#.utf8) }
        output.append(0x7D)
    }

    private func appendRegular(
        _ sizeBytes: UInt64,
        _ isExecutable: Bool,
        _ narOffset: UInt64?,
        to output: inout [UInt8]
    ) {
        let size = #""size":\#(sizeBytes)"#
        var executable = isExecutable ? #""executable":true"# : nil
        if form == .sortedWithExecutable { executable = #""executable":\#(isExecutable)"# }
        // Nix takes an offset of 0 for an unknown one.
        let offset = narOffset.flatMap { $0 == 0 ? nil : #""narOffset":\#($0)"# }
        let type = #""type":"regular""#
        let sorted = [executable, offset, size, type]
        let fields = form == .typeFirst ? [type, size, executable, offset] : sorted
        output.append(contentsOf: fields.compactMap(\.self).joined(separator: ",").utf8)
        output.append(0x7D)
    }

    private func appendSymlink(_ target: [UInt8], to output: inout [UInt8]) {
        let type = #""type":"symlink""#
        if form == .typeFirst { output.append(contentsOf: "\(type),".utf8) }
        output.append(contentsOf: #""target":"#.utf8)
        appendString(target, to: &output)
        if form != .typeFirst { output.append(contentsOf: ",\(type)".utf8) }
        output.append(0x7D)
    }

    private func appendString(_ string: [UInt8], to output: inout [UInt8]) {
        JSONWriter.append(string, escapes: form == .typeFirst ? .few : .all, to: &output)
    }
}
