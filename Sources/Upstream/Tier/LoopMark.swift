// SPDX-License-Identifier: Apache-2.0

/// The nodes that a request has come through, told on in `X-Firn-Via`.
package enum LoopMark {
    /// Set by the server around the handling of a request that carries the header.
    @TaskLocal package static var nodes: [String] = []

    /// - Returns: The header's value: the nodes so far, and this one.
    static func value(adding node: String) -> String {
        // They came from a client: what is no plain word, or too much, must not spoil our request.
        let plain = nodes.prefix(16).filter { node in
            !node.isEmpty && node.utf8.count <= 128
                && node.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x2C }
        }
        return (plain + [node]).joined(separator: ", ")
    }
}
