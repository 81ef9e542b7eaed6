// SPDX-License-Identifier: Apache-2.0

import NixFormat

/// Store paths, store directories and hashes that are read are written as they were.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzName(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let buffer = UnsafeBufferPointer(start: start, count: count)
    let text = String(decoding: buffer, as: UTF8.self)
    if let path = try? StorePath(parsing: text) {
        precondition(path.description == text)
        let absolute = StoreDirectory.standard.path(of: path)
        precondition((try? StoreDirectory.standard.storePath(parsing: absolute)) == path)
    }
    if let hash = StorePathHash(ascii: UnsafeRawBufferPointer(buffer)) {
        precondition(hash.description == text)
        precondition((try? StorePathHash(bytes: hash.bytes)) == hash)
    }
    if let directory = try? StoreDirectory(parsing: text) {
        precondition(directory.path == text)
    }
    if let hash = try? NixHash(parsing: text) {
        for encoding in NixHash.TextEncoding.allCases {
            precondition((try? NixHash(parsing: hash.text(encoding))) == hash)
        }
    }
    if let bytes = try? NixBase32.decode(text) { precondition(NixBase32.encode(bytes) == text) }
    if let bytes = try? Base64.decode(text) { precondition(Base64.encode(bytes) == text) }
    return 0
}
