// SPDX-License-Identifier: Apache-2.0
package import NixStore

/// What a push has come to.
package struct PushReport: Sendable {
    /// Why a push ended before its time.
    package enum Stop: Hashable, Sendable {
        case refused(reason: String)
        case unreachable(reason: String)
    }

    package struct Result: Hashable, Sendable {
        package let info: PathInfo
        package let outcome: PushOutcome

        package var isDone: Bool {
            switch outcome {
            case .sent, .proved: true
            case .collected, .refersTo, .failed, .notSent: false
            }
        }
    }

    /// Of every path that was to be sent, dependencies first.
    package let results: [Result]
    package let stop: Stop?

    package init(results: [Result], stop: Stop?) {
        self.results = results
        self.stop = stop
    }

    /// Paths that are there now and were not before.
    package var doneCount: Int { results.count(where: \.isDone) }

    /// Whether all that was to be sent is there.
    package var isComplete: Bool { stop == nil && doneCount == results.count }

    /// Those whose bytes had not to travel.
    package var proved: [Result] { results.filter { $0.outcome == .proved } }

    /// Bytes of the files that are now there.
    package var fileBytes: UInt64 {
        results.reduce(0) { sum, result in
            if case .sent(let bytes) = result.outcome { sum + bytes } else { sum }
        }
    }

    /// Bytes of the NARs in those files.
    package var narBytes: UInt64 {
        results.reduce(0) { sum, result in
            if case .sent = result.outcome { sum + result.info.narSizeBytes } else { sum }
        }
    }
}
