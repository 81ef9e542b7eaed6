// SPDX-License-Identifier: Apache-2.0

import NixFormat

/// Whatever is read as narinfos is put together as what reads the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzClosure(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    guard let texts = NARInfoClosure.texts(in: bytes) else { return 0 }
    precondition(texts.allSatisfy { !$0.isEmpty && $0.last == 0x0A })
    let copies = texts.map(Array.init)
    let again = NARInfoClosure.texts(in: NARInfoClosure.write(copies))
    precondition(again?.map(Array.init) == copies)
    return 0
}
