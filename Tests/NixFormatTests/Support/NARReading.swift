// SPDX-License-Identifier: Apache-2.0

import NixFormat

/// The events of a whole NAR, handed to the parser in pieces of this many bytes.
///
/// Contents come as what they are, joined, because where they are cut depends on the pieces.
func readNAR(
    _ bytes: [UInt8],
    pieceBytes: Int = .max,
    limits: NARLimits = .standard
) throws(NARParser.ParseError) -> [ReadEvent] {
    var parser = NARParser(limits: limits)
    var events: [ReadEvent] = []
    var start = 0
    while start < bytes.count {
        let end = start + min(pieceBytes, bytes.count - start)
        let piece = Array(bytes[start..<end])
        var position = 0
        while let event = try parser.next(in: piece, from: &position) {
            guard case .contents(let range) = event else {
                events.append(.event(event))
                continue
            }
            if case .contents(let before) = events.last {
                events[events.count - 1] = .contents(before + piece[range])
            } else {
                events.append(.contents(Array(piece[range])))
            }
        }
        start = end
    }
    try parser.finish()
    return events
}

/// An event, with contents as bytes.
enum ReadEvent: Hashable {
    case event(NAREvent)
    case contents([UInt8])
}

/// Writes the NAR that these events tell of.
func writeNAR(_ events: [ReadEvent]) -> [UInt8] {
    var output: [UInt8] = []
    var sizeBytes: UInt64 = 0
    NARWriter.begin(into: &output)
    for event in events {
        switch event {
        case .contents(let bytes): output += bytes
        case .event(.beginDirectory): NARWriter.beginDirectory(into: &output)
        case .event(.endDirectory): NARWriter.endDirectory(into: &output)
        case .event(.beginEntry(let name)): NARWriter.beginEntry(name: name, into: &output)
        case .event(.endEntry): NARWriter.endEntry(into: &output)
        case .event(.symlink(let target)): NARWriter.symlink(target: target, into: &output)
        case .event(.beginRegularFile(let isExecutable, let size, _)):
            sizeBytes = size
            NARWriter.beginRegularFile(
                isExecutable: isExecutable,
                contentSizeBytes: size,
                into: &output
            )
        case .event(.endRegularFile):
            NARWriter.endRegularFile(contentSizeBytes: sizeBytes, into: &output)
        case .event(.contents), .event(.end): break
        }
    }
    return output
}

/// The listing of a whole NAR.
func listNAR(_ bytes: [UInt8]) throws(NARParser.ParseError) -> NARListing {
    var parser = NARParser()
    var builder = NARListingBuilder()
    var position = 0
    while let event = try parser.next(in: bytes, from: &position) { builder.take(event) }
    try parser.finish()
    return builder.finish()
}
