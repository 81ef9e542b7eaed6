// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// What is wrong with a key file, or with the place where one is to be made.
package enum KeyFileError: Error, Hashable, Sendable, CustomStringConvertible {
    case unreadable(path: String, reason: String)
    case malformed(path: String, KeyTextError)
    /// Names that could not be a file name are refused where a file is made of them.
    case badName(String, KeyTextError?)
    case alreadyThere(path: String)
    case notWritable(path: String, reason: String)

    package var description: String {
        switch self {
        case .unreadable(let path, let reason):
            "\(path): the key cannot be read: \(reason)"
        case .malformed(let path, let error):
            "\(path): not a secret key of Nix (NAME:BASE64): \(error.reason)"
        case .badName(let name, let error):
            "\"\(name)\" cannot be a key's name: " + (error?.reason ?? "it cannot be a file's name")
        case .alreadyThere(let path):
            "\(path): there is such a file already, and keys are never overwritten; move it away"
        case .notWritable(let path, let reason):
            "\(path): the key cannot be written: \(reason)"
        }
    }
}

extension KeyTextError {
    /// Continues the sentence "it is no key: …".
    var reason: String {
        switch self {
        case .missingColon: "there is no colon after the name"
        case .emptyName: "the name is empty"
        case .invalidNameByte(let byteOffset):
            "the name has a character that names cannot have, at byte \(byteOffset)"
        case .invalidBase64: "what follows the colon is not base-64"
        case .wrongLength(let expectedBytes, let actualBytes):
            "it has \(actualBytes) bytes instead of \(expectedBytes)"
        case .publicHalfDiffers: "its two halves do not belong together"
        }
    }
}
