// SPDX-License-Identifier: Apache-2.0

import NixFormat

/// Keys and signatures that are read are written as text that reads the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzKey(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    if let signature = try? Signature(parsing: text) {
        precondition((try? Signature(parsing: signature.description)) == signature)
    }
    if let key = try? PublicKey(parsing: text) {
        precondition((try? PublicKey(parsing: key.description)) == key)
    }
    if let key = try? SecretKey(parsing: text) {
        precondition((try? SecretKey(parsing: key.secretText()))?.publicKey == key.publicKey)
        precondition(key.publicKey.verifies(key.sign([1]), of: [1]))
    }
    return 0
}
