// SPDX-License-Identifier: Apache-2.0

/// The nodes that a request has come through, told on in `X-Firn-Via`.
package enum LoopMark {
    /// Set by the server around the handling of a request that carries the header.
    @TaskLocal package static var nodes: [String] = []

    /// - Returns: The header's value: the nodes so far, and this one.
    static func value(adding node: String) -> String {
        (nodes + [node]).joined(separator: ", ")
    }
}
