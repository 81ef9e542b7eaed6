// SPDX-License-Identifier: Apache-2.0

/// The frame that wakes a sleeping network card.
///
/// - Shape: 6 bytes of 0xFF, then 16 times the 6 bytes of the address: 102 bytes.
/// - Source: AMD, "Magic Packet Technology", publication 20213.
package struct MagicPacket: Hashable, Sendable {
    /// The port that it is sent to by custom (discard); cards do not look at it.
    package static let port: UInt16 = 9

    package let bytes: [UInt8]

    package init(to address: MACAddress) {
        bytes = [UInt8](repeating: 0xFF, count: 6) + (0..<16).flatMap { _ in address.bytes }
    }
}
