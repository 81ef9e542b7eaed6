// SPDX-License-Identifier: Apache-2.0
import CacheService
import FirnAPI
import HTTPTypes

extension CacheResponder {
    /// `api/v1/deltas`: many small deltas in one answer, for whoever may read the NARs.
    func deltas(_ facts: RequestFacts) -> BodyReply {
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
                content: cache.deltas(wishes, upTo: DeltaOrder.maximumDeltaBytes),
                allowsRanges: false
            ).answer(to: RequestFacts())
        }
    }
}
