// SPDX-License-Identifier: Apache-2.0
package import FirnAPI

/// Why a daemon has not told what it was asked for.
package struct FirnConnectionError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Cause: Hashable, Sendable {
        /// Nobody listens there, or the way there is closed; `reason` is the system's word.
        case notRunning(reason: String)
        /// Somebody is there, and does not show a certificate that counts.
        case untrusted(reason: String)
        case timedOut(after: Duration)
        /// The connection ended before the answer did.
        case brokenOff(reason: String)
        /// What answers there is something else.
        case notFirn
        /// A Firn that has no such question, or does not answer it to this client.
        case unanswered
        /// The answer is a body that this version cannot read.
        case unreadable(FirnJSON.ParseError)
        /// A Firn that does not do what it was told to; `phrase` is its reason.
        case refused(status: Int, phrase: String)
        /// A Firn that could not do it; `phrase` is what it said.
        case failed(status: Int, phrase: String)
    }

    package let address: FirnAddress
    package let cause: Cause

    package init(address: FirnAddress, cause: Cause) {
        self.address = address
        self.cause = cause
    }

    package var description: String { "\(address): \(reason)" }

    /// ``description`` without the address.
    package var reason: String {
        switch cause {
        case .notRunning(let reason):
            "no Firn is running there: \(reason); start it with firn serve"
        case .untrusted(let reason): reason
        case .timedOut(let limit):
            "no answer within \(limit.formattedSeconds)"
        case .brokenOff(let reason):
            "the connection ended before the answer did: \(reason)"
        case .notFirn:
            "what answers there is not Firn"
        case .unanswered:
            "this Firn does not tell; it is too old, or tells its own machine only"
        case .unreadable(let error):
            "the answer is of another version of Firn: \(error)"
        case .refused(_, let phrase): phrase
        case .failed(let status, let phrase):
            "it failed with \(status): \(phrase)"
        }
    }
}

extension Duration {
    fileprivate var formattedSeconds: String {
        "\(components.seconds) second\(components.seconds == 1 ? "" : "s")"
    }
}
