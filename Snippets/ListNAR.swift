// SPDX-License-Identifier: Apache-2.0

// Lists the NAR on standard input, as `nix nar ls --json -R` would, without keeping its contents.
import Foundation
import NixFormat

var parser = NARParser()
var listing = NARListingBuilder()
while let piece = try FileHandle.standardInput.read(upToCount: 1 << 20), !piece.isEmpty {
    let bytes = Array(piece)
    var position = 0
    while let event = try parser.next(in: bytes, from: &position) { listing.take(event) }
}
try parser.finish()
print(String(decoding: listing.finish().rootJSON(.sorted), as: UTF8.self))
