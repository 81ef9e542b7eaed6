// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization
import Upstream

/// Has the link of a tier measured before it is decided what comes as a delta.
///
/// Only once a NAR is wanted: a lookup moves no bytes of any.
final class LinkMeasurement: Sendable {
    fileprivate struct State {
        /// The largest that a client was told of lately.
        var sample: NARInfo?
        var sampleSince = ContinuousClock.now
        var running: Flight<Bool>?
        var restsUntil = ContinuousClock.now
    }

    /// A smaller file is over before anything can be told.
    fileprivate static let leastFileBytes: UInt64 = 64 << 10
    fileprivate static let lifetime = Duration.seconds(120)
    /// Whatever came of it, it is not tried again sooner.
    private static let rest = Duration.seconds(5)
    /// So long a NAR waits for it.
    private static let patience = Duration.seconds(1)

    private let state = Mutex(State())

    /// A client was told of a NAR that may come as a delta.
    func noteOffer(_ narInfo: NARInfo) { state.withLock { $0.consider(narInfo) } }

    /// Measures, once for all who want to know at the same time.
    func measure(_ narInfo: NARInfo, of tier: RemoteTier) async {
        let (flight, sample) = state.withLock { $0.begin(narInfo) }
        if let sample, let flight {
            Task {
                await tier.cache.measureLink(by: sample)
                state.withLock { state in
                    (state.running, state.restsUntil) = (nil, .now + Self.rest)
                }
                flight.land(true)
            }
        }
        _ = await flight?.wait(atMost: Self.patience)
    }

    func forget() { state.withLock { $0.restsUntil = .now } }

    fileprivate static func fileBytes(_ narInfo: NARInfo) -> UInt64 {
        narInfo.fileSizeBytes ?? narInfo.narSizeBytes
    }
}

extension LinkMeasurement.State {
    fileprivate mutating func consider(_ narInfo: NARInfo) {
        let isOld = sampleSince + LinkMeasurement.lifetime <= .now
        let known = isOld ? 0 : sample.map(LinkMeasurement.fileBytes) ?? 0
        guard LinkMeasurement.fileBytes(narInfo) > known else { return }
        (sample, sampleSince) = (narInfo, .now)
    }

    /// - Returns: What to wait for, and with what to begin it.
    fileprivate mutating func begin(_ narInfo: NARInfo) -> (Flight<Bool>?, NARInfo?) {
        if let running { return (running, nil) }
        consider(narInfo)
        guard restsUntil <= .now, let sample,
            LinkMeasurement.fileBytes(sample) >= LinkMeasurement.leastFileBytes
        else { return (nil, nil) }
        let flight = Flight<Bool>()
        running = flight
        return (flight, sample)
    }
}
