// SPDX-License-Identifier: Apache-2.0

/// Names of files as parts of a URL.
enum PathEncoding {
    /// One path segment: whatever is not unreserved is percent-encoded, byte by byte.
    ///
    /// - Source: RFC 3986, section 2.3.
    static func segment(_ name: [UInt8]) -> String {
        var text = ""
        for byte in name {
            if isUnreserved(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "%" + digits(byte)
            }
        }
        return text
    }

    private static func digits(_ byte: UInt8) -> String {
        let text = String(byte, radix: 16, uppercase: true)
        return byte < 16 ? "0" + text : text
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
