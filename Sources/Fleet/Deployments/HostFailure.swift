// SPDX-License-Identifier: Apache-2.0
import Foundation
import NixFormat

/// Why a host's deploy ends before its switch, in words of its own.
package enum HostFailure: Error, Sendable, CustomStringConvertible {
    /// Nothing was touched; `text` says what to do.
    case refused(String)
    case failed(String)
    /// Away, and what it is to get could not be written down.
    case notQueued(String)

    static let noBuilder = HostFailure.refused(
        "no builder is named for it; write builder = \"NAME\""
    )

    package var description: String {
        switch self {
        case .refused(let text), .failed(let text): text
        case .notQueued(let reason): "it is away, and could not be queued: \(reason)"
        }
    }
}

extension HostEnding {
    /// What an error means for a host, in the phase in which it came.
    init(_ error: any Error, in phase: Phase?) {
        switch error {
        case HostFailure.refused(let text): self = .refused(text)
        case HostFailure.failed(let text): self = .failed(phase, text)
        case let failure as HostFailure: self = .failed(nil, failure.description)
        case let error as TargetError: self.init(error, in: phase)
        case RemoteFailure.unreachable(let said): self = .unreachable(said)
        case let error as RemoteFailure: self.init(error, error.description, in: phase)
        case let error as BuilderUnreachable:
            self =
                error.isAway
                ? .unreachable(error.description) : HostEnding(error.cause, "\(error)", in: phase)
        case is CancellationError: self = .interrupted("nothing was switched")
        case let error as FleetFolder.Failure: self = .failed(nil, error.description)
        // They say themselves what failed.
        case is EvaluationFailure, is Builder.Failure: self = .failed(nil, "\(error)")
        default: self = .failed(phase, "\(error)")
        }
    }

    private init(_ error: RemoteFailure, _ text: String, in phase: Phase?) {
        switch error {
        case .hostKey, .notLetIn, .notRoot: self = .refused(text)
        case .brokenOff, .timedOut, .unreachable: self = .failed(phase, text)
        case .noSSH: self = .failed(nil, text)
        }
    }

    private init(_ error: TargetError, in phase: Phase?) {
        switch error {
        case .leased, .refused, .changedMeanwhile, .leaseLost, .goingBack:
            self = .refused(error.description)
        case .unexpectedAnswer: self = .failed(phase, error.description)
        case .contactLost: self = .unknown(error.description)
        }
    }

    /// What the target says it came to.
    init(_ outcome: SwitchOutcome) {
        let why = outcome.explanation
        switch outcome.ending {
        case .done: self = .done
        case .staged: self = .staged(outcome.reason == .asked ? nil : why)
        case .tested: self = .tested
        case .previewed:
            let system = outcome.new.map(StoreDirectory.standard.path(of:)) ?? "the system"
            self = .previewed("would switch to \(system)")
        case .refused: self = .refused(why)
        case .rolledBack: self = .rolledBack(why)
        case .stuck: self = .stuck(why)
        case .unrecognised(let word): self = .unknown("the host says \"\(word)\"")
        }
    }
}

extension SwitchOutcome {
    /// Why it ended so, for people.
    package var explanation: String {
        let text =
            newlyFailedUnits.isEmpty
            ? reason.text : "\(reason.text): \(newlyFailedUnits.joined(separator: ", "))"
        return detail.isEmpty || !newlyFailedUnits.isEmpty ? text : "\(text): \(detail)"
    }
}

extension SwitchOutcome.Reason {
    /// For people; continues the sentence "it was rolled back: …".
    package var text: String {
        switch self {
        case .asked: "as asked"
        case .refusedByItself: "switch-to-configuration refused, by its lock or a check (1)"
        case .inhibited: "something inhibits a switch without a restart"
        case .needsRestart: "only a restart brings it into effect (100)"
        case .activationScript: "the activation script failed (2)"
        case .units: "units failed that had not failed before (4)"
        case .crashed: "switch-to-configuration broke down (101)"
        case .exitCode: "switch-to-configuration ended in a way that has no meaning"
        case .timedOut: "switch-to-configuration did not end in time"
        case .notActivated: "it ended well, and something else runs"
        case .unhealthy: "a health check did not hold"
        case .unconfirmed: "nobody could reach the host to confirm"
        case .abandoned: "it was called off"
        case .profile: "the profile could not be set"
        case .bootLoader: "the boot loader could not be written"
        case .restarted: "the machine was started anew meanwhile"
        case .supervisorDied: "its supervisor was ended"
        case .stateUnusable: "the host could not write down what it does"
        case .leaseLost: "another deployer had taken the lease"
        case .superseded: "somebody else has switched it meanwhile"
        case .unrecognised(let word): word
        }
    }
}

extension TargetError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .leased(let lease) where lease.isGoingBack: Self.goingBack(lease).description
        case .leased(let lease):
            "\(lease.who) deploys to it since \(lease.since.formatted(.iso8601)); wait for that"
        case .goingBack(let lease):
            "it is going back by itself from what \(lease.who) began at"
                + " \(lease.since.formatted(.iso8601)) and did not confirm; deploy again in a minute"
        case .leaseLost(let lease):
            "the lease was taken\(lease.map { " by \($0.who)" } ?? ""); deploy again"
        case .refused(let reason): reason
        case .changedMeanwhile(let running):
            "it runs \(running) by now, which somebody else brought there; deploy again"
        case .unexpectedAnswer(let verb, let code, let said):
            "its answer to \"\(verb)\" is not understood (exit code \(code))"
                + (said.isEmpty ? "" : ": \(said)")
        case .contactLost(_, _, let cause):
            "contact was lost during the switch (\(cause)); it goes back by itself unless it was"
                + " confirmed: firn hosts tells"
        }
    }
}
