// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import FirnAPI
import HTTPTypes

extension CacheResponder {
    /// `api/v1/deltas`: many small deltas in one answer, for whoever may read the NARs.
    func deltas(_ facts: RequestFacts) -> BodyReply {
        deltas { wishes in
            cache.deltas(wishes, upTo: DeltaOrder.maximumDeltaBytes, at: facts.pace)
        }
    }

    /// `NAME/api/v1/deltas`: the same of a named cache, for who may read that.
    func deltas(in name: CacheName, _ facts: RequestFacts) async throws -> BodyReply {
        let named = try requireNamedCaches()
        let visitor = try await visitor(facts, of: named)
        // Who may not is told so before the body is read.
        try await named.requireReadable(name, to: visitor)
        return deltas { wishes in
            try await cache.deltas(
                wishes,
                upTo: DeltaOrder.maximumDeltaBytes,
                at: facts.pace,
                in: name,
                by: visitor
            )
        }
    }

    private func deltas(
        _ make: @escaping @Sendable ([TieredCache.DeltaWish]) async throws -> Content
    ) -> BodyReply {
        let body = CollectedBody(upTo: DeltaOrder.maximumBytes)
        return .body(body) {
            guard let order = DeltaOrder(parsing: body.collected) else {
                throw CacheError.malformed("not an order of deltas")
            }
            let wishes = order.wishes.map { wish in
                TieredCache.DeltaWish(
                    storeHash: wish.target.storeHash,
                    narHash: wish.target.narHash,
                    bases: wish.bases.map { .init(storeHash: $0.storeHash, narHash: $0.narHash) }
                )
            }
            return Representation(
                contentType: DeltaOrder.answerType,
                entityTag: nil,
                lifetime: .none,
                content: try await make(wishes),
                allowsRanges: false
            ).answer(to: RequestFacts())
        }
    }
}
