// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Upstream

/// What is asked of other caches, and on whose behalf.
///
/// Two Firns that have each other as tiers, asked for the same at the same time, would wait for each
/// other's question if what came through the other could join our own.
struct RemoteQuestion: Hashable, Sendable {
    private let hash: StorePathHash
    private let nodes: [String]

    init(_ hash: StorePathHash) {
        self.hash = hash
        nodes = LoopMark.nodes
    }
}
