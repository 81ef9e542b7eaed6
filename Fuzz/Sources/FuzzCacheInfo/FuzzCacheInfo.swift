// SPDX-License-Identifier: Apache-2.0

import NixFormat

/// A nix-cache-info that is read is written as one that reads the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCacheInfo(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    guard let info = try? CacheInfo(parsing: text) else { return 0 }
    precondition((try? CacheInfo(parsing: info.description)) == info)
    return 0
}
