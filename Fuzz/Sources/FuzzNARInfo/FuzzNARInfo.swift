// SPDX-License-Identifier: Apache-2.0

import NixFormat

/// A narinfo that is read is written as one that reads the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNARInfo(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    guard let info = try? NARInfo(parsing: bytes, storeDirectory: .standard) else { return 0 }
    let written = info.write(in: .standard)
    precondition((try? NARInfo(parsing: written, storeDirectory: .standard)) == info)
    precondition(!info.fingerprint(in: .standard).isEmpty)
    return 0
}
