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
        var running: Run?
        var restsUntil = ContinuousClock.now
    }

    /// One measurement, and until when anybody waits for it.
    fileprivate struct Run {
        let flight = Flight<Bool>()
        let patientUntil = ContinuousClock.now + LinkMeasurement.patience
    }

    /// A smaller file is over before anything can be told.
    fileprivate static let leastFileBytes: UInt64 = 64 << 10
    fileprivate static let lifetime = Duration.seconds(120)
    /// It is not tried again sooner; where it told nothing, later, for it may be of no use for long.
    fileprivate static let rest = Duration.seconds(5)
    fileprivate static let longRest = Duration.seconds(60)
    /// So long NARs wait for one, all of them together.
    fileprivate static let patience = Duration.seconds(1)

    private let state = Mutex(State())

    /// A client was told of a NAR that may come as a delta.
    func noteOffer(_ narInfo: NARInfo) { state.withLock { $0.consider(narInfo) } }

    /// Measures, once for all who want to know at the same time.
    func measure(_ narInfo: NARInfo, of tier: RemoteTier) async {
        guard let (run, sample) = state.withLock({ $0.join(narInfo) }) else { return }
        if let sample {
            Task {
                let hasToldSomething = await tier.cache.measureLink(by: sample)
                state.withLock { $0.end(run, hasToldSomething) }
                run.flight.land(hasToldSomething)
            }
        }
        _ = await run.flight.wait(atMost: run.patientUntil - .now)
    }

    /// What is being measured is the network that was.
    func forget() {
        state.withLock { state in
            (state.running, state.restsUntil) = (nil, .now)
        }
    }

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

    /// - Returns: What to wait for, and with what to begin it where nobody has; `nil` for nothing.
    fileprivate mutating func join(
        _ narInfo: NARInfo
    ) -> (run: LinkMeasurement.Run, sample: NARInfo?)? {
        if let running { return (running, nil) }
        consider(narInfo)
        guard restsUntil <= .now, let sample,
            LinkMeasurement.fileBytes(sample) >= LinkMeasurement.leastFileBytes
        else { return nil }
        let run = LinkMeasurement.Run()
        running = run
        return (run, sample)
    }

    fileprivate mutating func end(_ run: LinkMeasurement.Run, _ hasToldSomething: Bool) {
        guard running?.flight === run.flight else { return }
        running = nil
        restsUntil = .now + (hasToldSomething ? LinkMeasurement.rest : LinkMeasurement.longRest)
        // It may be the file that is not there any more.
        if !hasToldSomething { sample = nil }
    }
}
