// SPDX-License-Identifier: Apache-2.0

import NixFormat

/// Realisations of both schemes that are read are written as files that read the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRealisation(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    if let realisation = try? Realisation(parsing: bytes) {
        precondition((try? Realisation(parsing: realisation.write())) == realisation)
        precondition(!realisation.fingerprint.isEmpty)
    }
    let name = "00000000000000000000000000000000-x.drv"
    guard let derivation = try? StorePath(parsing: name) else { return 0 }
    func read(_ bytes: [UInt8]) -> BuildTraceEntry? {
        try? BuildTraceEntry(parsing: bytes, derivation: derivation, outputName: "out")
    }
    if let entry = read(bytes) { precondition(read(entry.write()) == entry) }
    return 0
}
