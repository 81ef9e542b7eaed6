// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import NixFormat
import NixStore
import Synchronization
import Upstream

/// Asks a tier for the deltas of a closure before Nix asks for the NARs: as soon as it has asked for
/// one of them, all that it was told of go into a few questions, so that it does not wait for a round
/// trip for each 300 bytes.
///
/// A lookup alone moves nothing. What has come is kept in memory for a short while and within a bound.
final class DeltasAhead: Sendable {
    fileprivate struct Wish {
        let order: DeltaOrder.Wish
        let since: ContinuousClock.Instant
    }

    fileprivate struct Received {
        let body: [UInt8]
        let since: ContinuousClock.Instant
    }

    fileprivate struct State {
        /// What a client was told of, and has not asked for yet.
        var wishes: [StorePathHash: Wish] = [:]
        var coming: [StorePathHash: Flight<Bool>] = [:]
        var received: [StorePathHash: Received] = [:]
        var receivedBytes = 0
        var batches = 0
        var restsUntil = ContinuousClock.now
    }

    /// How a question has ended.
    private enum Ending {
        case good
        /// No more than this can be kept, or the connection has broken off.
        case cutShort
        /// There is no answer to such a question.
        case refused

        init(_ failure: UpstreamFailure) {
            switch failure {
            case .malformed, .status, .timedOut, .narMissing, .untrusted: self = .refused
            case .unavailable, .resting, .unreachable, .brokenOff, .loop, .asksBack:
                self = .cutShort
            }
        }
    }

    private static let maximumWishes = 8_192
    private static let maximumReceivedBytes = 16 << 20
    /// After so long nobody will ask for it any more.
    fileprivate static let lifetime = Duration.seconds(120)
    fileprivate static let maximumBatches = 2
    /// Fewer are asked for one by one, as they are wanted.
    fileprivate static let leastTogether = 4
    /// How long whoever wants one waits for the answer that has it.
    private static let patience = Duration.seconds(10)
    /// So long nothing is asked for together after a question that was refused: whoever stands in
    /// between may let no such question pass, and each of them would keep an update waiting.
    private static let rest = Duration.seconds(300)
    private static let shortRest = Duration.seconds(5)
    /// Of larger NARs the deltas may be, too.
    private static let maximumNARBytes: UInt64 = 4 << 20

    private let state = Mutex(State())

    /// Whether a delta of it would come in one answer with others.
    func asksTogether(_ narInfo: NARInfo) -> Bool {
        narInfo.narSizeBytes <= Self.maximumNARBytes
            && state.withLock { $0.restsUntil <= .now }
    }

    /// A client was told of a NAR that would come as a delta.
    func noteOffer(_ narInfo: NARInfo, _ plan: DeltaPlan) {
        guard narInfo.narSizeBytes <= Self.maximumNARBytes else { return }
        let wish = DeltaOrder.Wish(
            target: .init(storeHash: narInfo.storePath.hash, narHash: narInfo.narHash),
            bases: plan.bases.map { .init(storeHash: $0.path.hash, narHash: $0.narHash) }
        )
        state.withLock { state in
            if state.wishes.count >= Self.maximumWishes { state.dropOld() }
            guard state.wishes.count < Self.maximumWishes else { return }
            state.wishes[narInfo.storePath.hash] = Wish(order: wish, since: .now)
        }
    }

    /// The delta of a NAR that is wanted now, if it has come or is coming; asks for the others that a
    /// client was told of.
    ///
    /// - Returns: `nil` when it has to be asked for alone.
    func take(_ narInfo: NARInfo, from tier: RemoteTier) async -> [UInt8]? {
        let hash = narInfo.storePath.hash
        let coming = state.withLock { state -> Flight<Bool>? in
            state.wishes[hash] = nil
            return state.coming[hash]
        }
        begin(with: tier)
        if let coming { _ = await coming.wait(atMost: Self.patience) }
        return state.withLock { state in
            guard let received = state.received.removeValue(forKey: hash) else { return nil }
            state.receivedBytes -= received.body.count
            return received.body
        }
    }

    /// The network is another one: what stood in between may not be there any more.
    func networkChanged() { state.withLock { $0.restsUntil = .now } }

    /// A NAR comes in the ordinary form after all.
    func drop(_ hash: StorePathHash) { state.withLock { _ = $0.wishes.removeValue(forKey: hash) } }

    private func begin(with tier: RemoteTier) {
        while let batch = state.withLock({ $0.takeBatch() }) {
            Task {
                let ending = await bring(batch, from: tier)
                let left = state.withLock { state in
                    state.batches -= 1
                    switch ending {
                    case .good: break
                    case .cutShort: state.restsUntil = .now + Self.shortRest
                    case .refused: state.restsUntil = .now + Self.rest
                    }
                    return batch.compactMap {
                        state.coming.removeValue(forKey: $0.target.storeHash)
                    }
                }
                for flight in left { flight.land(false) }
            }
        }
    }

    /// What comes is what was asked for, in that order; the first thing that is wrong ends it.
    private func bring(_ batch: [DeltaOrder.Wish], from tier: RemoteTier) async -> Ending {
        let stream: any NARByteStream
        do throws(UpstreamFailure) {
            stream = try await tier.cache.openDeltas(DeltaOrder(batch), at: tier.deltaPace)
        } catch {
            return Ending(error)
        }
        var buffer: [UInt8] = []
        var next = 0
        while next < batch.count {
            while buffer.count >= 4 {
                let length = (0..<4).reversed().reduce(0) { $0 << 8 | Int(buffer[$1]) }
                guard length <= DeltaOrder.maximumDeltaBytes else { return .refused }
                guard buffer.count >= 4 + length, next < batch.count else { break }
                let body = Array(buffer[4..<4 + length])
                buffer.removeFirst(4 + length)
                guard land(body, for: batch[next].target.storeHash) else { return .cutShort }
                next += 1
            }
            guard next < batch.count else { break }
            do throws(UpstreamFailure) {
                guard let bytes = try await stream.next() else { return .cutShort }
                buffer += bytes
            } catch {
                return Ending(error)
            }
        }
        return .good
    }

    /// - Returns: False when there is no room for more.
    private func land(_ body: [UInt8], for hash: StorePathHash) -> Bool {
        let (flight, hasRoom) = state.withLock { state in
            if state.receivedBytes + body.count > Self.maximumReceivedBytes { state.dropOld() }
            let hasRoom = state.receivedBytes + body.count <= Self.maximumReceivedBytes
            if hasRoom, !body.isEmpty {
                state.received[hash] = Received(body: body, since: .now)
                state.receivedBytes += body.count
            }
            return (state.coming.removeValue(forKey: hash), hasRoom)
        }
        flight?.land(!body.isEmpty)
        return hasRoom
    }
}

extension DeltasAhead.State {
    /// The next that are asked for together.
    fileprivate mutating func takeBatch() -> [DeltaOrder.Wish]? {
        guard batches < DeltasAhead.maximumBatches, restsUntil <= .now else { return nil }
        if wishes.count < DeltasAhead.leastTogether { return nil }
        let old = ContinuousClock.now - DeltasAhead.lifetime
        wishes = wishes.filter { $0.value.since > old }
        guard wishes.count >= DeltasAhead.leastTogether else { return nil }
        let batch = wishes.values.sorted { $0.since < $1.since }.map(\.order)
            .prefix(DeltaOrder.maximumWishes)
        for wish in batch {
            wishes[wish.target.storeHash] = nil
            coming[wish.target.storeHash] = Flight()
        }
        batches += 1
        return Array(batch)
    }

    fileprivate mutating func dropOld() {
        let old = ContinuousClock.now - DeltasAhead.lifetime
        wishes = wishes.filter { $0.value.since > old }
        received = received.filter { $0.value.since > old }
        receivedBytes = received.values.reduce(0) { $0 + $1.body.count }
    }
}

/// A delta that is here already.
final class ReceivedDelta: NARByteStream {
    let sizeBytes: UInt64?
    private let body: Mutex<[UInt8]?>

    init(_ body: [UInt8]) {
        sizeBytes = UInt64(body.count)
        self.body = Mutex(body)
    }

    func next() async throws(UpstreamFailure) -> [UInt8]? { body.withLock { $0.take() } }

    func isReady(until moment: ContinuousClock.Instant) async -> Bool { true }
}
