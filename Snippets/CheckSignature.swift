// SPDX-License-Identifier: Apache-2.0

// Reads a narinfo from standard input and says which of the keys given signed it.
import NixFormat

var text = ""
while let line = readLine(strippingNewline: false) { text += line }
let info = try NARInfo(parsing: text, storeDirectory: .standard)
let fingerprint = info.fingerprint(in: .standard)
for argument in CommandLine.arguments.dropFirst() {
    let key = try PublicKey(parsing: argument)
    let isSigned = info.signatures.contains { key.verifies($0, of: fingerprint) }
    print("\(key.name): \(isSigned ? "signed" : "not signed")")
}
