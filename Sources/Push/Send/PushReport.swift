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
    }

    /// Of every path that was to be sent, dependencies first.
    package let results: [Result]
    package let stop: Stop?

    package init(results: [Result], stop: Stop?) {
        self.results = results
        self.stop = stop
    }

    package var sentCount: Int {
        results.count { if case .sent = $0.outcome { true } else { false } }
    }

    /// Whether all that was to be sent is there.
    package var isComplete: Bool { stop == nil && sentCount == results.count }

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
