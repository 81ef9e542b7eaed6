// SPDX-License-Identifier: Apache-2.0
package import NixFormat
import NixStore

/// Deltas of many small NARs, one behind the other, made while they are sent.
///
/// - Shape: as `DeltaOrder` of FirnAPI has it.
final class DeltaBatch: ByteSource, @unchecked Sendable {
    // SAFETY: a ByteSource has one reader at a time, and that one waits for what is made: nothing
    // touches these fields at the same time.
    private let scope: DeltaScope
    private let maximumDeltaBytes: Int
    private let pace: UInt64?
    private var wishes: ArraySlice<TieredCache.DeltaWish>
    private var bytes: ArraySlice<UInt8> = []

    /// So many are made before the first of them is sent: as many as there are threads, and more.
    private static let together = 8

    init(
        _ wishes: [TieredCache.DeltaWish],
        upTo maximumDeltaBytes: Int,
        at pace: UInt64?,
        of scope: DeltaScope
    ) {
        self.wishes = wishes[...]
        self.scope = scope
        self.maximumDeltaBytes = maximumDeltaBytes
        self.pace = pace
    }

    var mayWait: Bool { true }

    func ready() async throws {
        guard bytes.isEmpty, !wishes.isEmpty else { return }
        let now = Array(wishes.prefix(Self.together))
        wishes = wishes.dropFirst(Self.together)
        let made = await withTaskGroup(of: (Int, [UInt8]).self) { group in
            for (index, wish) in now.enumerated() {
                group.addTask { [scope, maximumDeltaBytes, pace] in
                    (index, await scope.smallDelta(wish, upTo: maximumDeltaBytes, at: pace))
                }
            }
            var made = [[UInt8]](repeating: [], count: now.count)
            for await (index, body) in group { made[index] = body }
            return made
        }
        bytes =
            made.flatMap { body in
                (0..<4).map { UInt8(truncatingIfNeeded: body.count >> ($0 * 8)) } + body
            }[...]
    }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, bytes.count)
        guard count > 0 else { return 0 }
        unsafe bytes.prefix(count).withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
        bytes.removeFirst(count)
        return count
    }
}

extension TieredCache {
    /// A NAR that is wanted, and what it may be made of.
    package struct DeltaWish: Sendable {
        package let storeHash: StorePathHash
        package let narHash: NixHash
        package let bases: [DeltaOffer.Base]

        package init(storeHash: StorePathHash, narHash: NixHash, bases: [DeltaOffer.Base]) {
            self.storeHash = storeHash
            self.narHash = narHash
            self.bases = bases
        }
    }
}

extension DeltaScope {
    /// - Returns: Nothing where there is none, or a larger one.
    fileprivate func smallDelta(
        _ wish: TieredCache.DeltaWish,
        upTo maximumBytes: Int,
        at pace: UInt64?
    ) async -> [UInt8] {
        let offer = DeltaOffer(
            bases: wish.bases,
            readsDCZ: true,
            readsSegments: false,
            readsZstd: false,
            pace: pace
        )
        guard let made = await delta(wish.storeHash, wish.narHash, for: offer) else { return [] }
        switch made.answer.content {
        case .bytes(let bytes): return bytes.count <= maximumBytes ? bytes : []
        case .file(let file):
            guard file.sizeBytes <= UInt64(maximumBytes) else { return [] }
            return
                (try? await store.workers.run(deadline: store.configuration.lookupDeadline) {
                    try file.contents()
                }) ?? []
        case .source: return []
        }
    }
}
