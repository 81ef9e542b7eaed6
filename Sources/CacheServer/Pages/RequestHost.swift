// SPDX-License-Identifier: Apache-2.0

/// The `Host` field of a request, once it is known to be nothing but a host and a port.
///
/// It is shown on the landing page, so whatever else a client puts there is refused here.
///
/// - Source: RFC 9110, section 7.2; RFC 3986, section 3.2.2, without percent-encoding.
package struct RequestHost: Equatable, Sendable, CustomStringConvertible {
    package let description: String

    /// - Returns: `nil` when the field is not `host` or `host:port`.
    package init?(parsing field: some StringProtocol) {
        let bytes = Array(field.utf8)
        guard bytes.count <= 259, let hostEnd = Self.endOfHost(bytes) else { return nil }
        guard Self.isPort(bytes[hostEnd...]) else { return nil }
        description = String(field)
    }

    private static func endOfHost(_ bytes: [UInt8]) -> Int? {
        if bytes.first == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")), (3...46).contains(close),
                bytes[1..<close].allSatisfy(isAddressByte),
                bytes[1..<close].contains(UInt8(ascii: ":"))
            else { return nil }
            return close + 1
        }
        let end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.count
        guard (1...253).contains(end), bytes[..<end].allSatisfy(isNameByte) else { return nil }
        return end
    }

    /// Nothing, or a colon and a number from 1 to 65,535.
    private static func isPort(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.first == UInt8(ascii: ":") else { return bytes.isEmpty }
        let digits = bytes.dropFirst()
        guard (1...5).contains(digits.count), digits.allSatisfy(isDigit) else { return false }
        let number = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        return (1...65_535).contains(number)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"),
            UInt8(ascii: ":"), UInt8(ascii: "."):
            true
        default: isDigit(byte)
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: isDigit(byte)
        }
    }
}
