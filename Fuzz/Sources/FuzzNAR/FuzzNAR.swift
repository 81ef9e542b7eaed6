// SPDX-License-Identifier: Apache-2.0

import NixFormat

/// A NAR that is read is canonical, whatever the pieces it came in; its listing comes back.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNAR(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    // The first byte says how large the pieces are.
    guard let first = bytes.first else { return 0 }
    let nar = Array(bytes.dropFirst())
    guard let written = rewrite(nar, pieceBytes: Int(first) + 1) else { return 0 }
    precondition(written.bytes == nar, "what was read is not what was written")
    precondition(rewrite(nar, pieceBytes: .max)?.bytes == nar, "pieces make a difference")
    precondition(written.builder.narSizeBytes == UInt64(nar.count), "the size is wrong")
    let listing = written.builder.finish()
    for form in NARListing.JSONForm.allCases {
        precondition((try? NARListing(parsingRoot: listing.rootJSON(form))) == listing)
    }
    return 0
}

private func rewrite(
    _ nar: [UInt8],
    pieceBytes: Int
) -> (bytes: [UInt8], builder: NARListingBuilder)? {
    var parser = NARParser(limits: NARLimits(maximumDepth: 64))
    var builder = NARListingBuilder()
    var output: [UInt8] = []
    var sizeBytes: UInt64 = 0
    NARWriter.begin(into: &output)
    var start = 0
    while start < nar.count {
        let piece = Array(nar[start..<start + min(pieceBytes, nar.count - start)])
        var position = 0
        do {
            while let event = try parser.next(in: piece, from: &position) {
                builder.take(event)
                write(event, of: piece, &sizeBytes, to: &output)
            }
        } catch {
            return nil
        }
        start += piece.count
    }
    guard (try? parser.finish()) != nil else { return nil }
    return (output, builder)
}

private func write(
    _ event: NAREvent,
    of piece: [UInt8],
    _ sizeBytes: inout UInt64,
    to output: inout [UInt8]
) {
    switch event {
    case .beginDirectory: NARWriter.beginDirectory(into: &output)
    case .beginEntry(let name): NARWriter.beginEntry(name: name, into: &output)
    case .endEntry: NARWriter.endEntry(into: &output)
    case .endDirectory: NARWriter.endDirectory(into: &output)
    case .beginRegularFile(let isExecutable, let size, let narOffset):
        sizeBytes = size
        NARWriter.beginRegularFile(
            isExecutable: isExecutable,
            contentSizeBytes: size,
            into: &output
        )
        precondition(narOffset == UInt64(output.count), "the offset is wrong")
    case .contents(let range): output += piece[range]
    case .endRegularFile: NARWriter.endRegularFile(contentSizeBytes: sizeBytes, into: &output)
    case .symlink(let target): NARWriter.symlink(target: target, into: &output)
    case .end: break
    }
}
