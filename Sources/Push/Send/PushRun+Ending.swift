// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore

/// How often a path was to be committed, and was not taken.
struct CommitPatience {
    /// Sent so often again because its NAR was not there.
    static let mostSent = 2
    /// What is missing may be on its way in another cache; more often than this it is not.
    static let mostLacking = 3

    var sentAgain = 0
    var lacking = 0
    var later = 0
    var waited = Duration.zero
}

extension PushRun {
    /// Decides what becomes of a path that is not visible although its NAR is there.
    mutating func takeCommit(_ place: Int, _ answer: PushCommit) async {
        // It may have fallen with another of the same request.
        guard outcomes[place] == nil else { return }
        var patience = patience[place] ?? CommitPatience()
        switch answer {
        case .there: finish(place)
        case .absent:
            patience.sentAgain += 1
            guard patience.sentAgain <= CommitPatience.mostSent else {
                return await fail(
                    place,
                    PushTargetError.rejected(reason: "the cache does not keep its NAR")
                )
            }
            staged[place] = nil
            sendInstead(place)
        case .lacking(let reason):
            if order.waitForReferences(place) { return }
            patience.lacking += 1
            guard patience.lacking <= CommitPatience.mostLacking else {
                return await fail(place, PushTargetError.rejected(reason: reason))
            }
            pause(place, patience.lacking, &patience)
        case .later(let reason):
            patience.later += 1
            guard patience.waited <= work.retry.policy.patience else {
                return await fail(place, PushTargetError.busy(reason: reason, retryAfter: nil))
            }
            pause(place, patience.later, &patience)
        case .refused(let reason):
            await fail(place, PushTargetError.rejected(reason: reason))
        }
        self.patience[place] = patience
    }

    private mutating func pause(_ place: Int, _ tries: Int, _ patience: inout CommitPatience) {
        let pause = work.retry.pause(after: tries)
        patience.waited += pause
        order.pause(place)
        pauses.append((place, pause))
    }

    /// Has what waits come back when its time is over.
    mutating func startPauses(in group: inout TaskGroup<Step>) {
        for (place, pause) in pauses {
            group.addTask { [work] in
                try? await work.retry.sleep(pause)
                return .pauseEnded(place)
            }
        }
        pauses = []
    }

    /// A path will not be there, nor what needs it.
    mutating func fail(_ place: Int, _ error: any Error) async {
        end(place, stopping(error) ? .notSent : PushOutcome(of: error))
        await release(place)
        for other in order.failed(place) {
            end(other, stop == nil ? .refersTo(items[place].info.path) : .notSent)
            await release(other)
        }
    }

    private mutating func release(_ place: Int) async {
        if let path = staged.removeValue(forKey: place) { await work.upload.release(path) }
    }

    /// Whether the error ends the whole push.
    private mutating func stopping(_ error: any Error) -> Bool {
        switch error {
        case PushTargetError.refused(let reason): stop = stop ?? .refused(reason: reason)
        case PushTargetError.unreachable(let reason): stop = stop ?? .unreachable(reason: reason)
        case is CancellationError: break
        default: return false
        }
        order.stop()
        return true
    }

    mutating func end(_ place: Int, _ outcome: PushOutcome) {
        guard outcomes[place] == nil else { return }
        outcomes[place] = outcome
        work.onEvent(.ended(items[place].info.path, outcome))
    }

    func report() -> PushReport {
        let results = zip(items, outcomes).map {
            PushReport.Result(info: $0.info, outcome: $1 ?? .notSent)
        }
        return PushReport(results: results, stop: stop)
    }
}
