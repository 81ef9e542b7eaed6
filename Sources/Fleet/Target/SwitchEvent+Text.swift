// SPDX-License-Identifier: Apache-2.0
import NixFormat

extension SwitchEvent.Kind {
    /// The event in a line, for the log of the host.
    package var text: String {
        switch self {
        case .started(let old, let new): "the host begins: \(Self.name(old)) -> \(Self.name(new))"
        case .activating: "activating"
        case .activated(let code, let running):
            "the activation ended with \(code); \(Self.name(running)) runs"
        case .unitsFailed(let new, let before):
            "failed units: " + (new.isEmpty ? "none newly" : new.joined(separator: ", "))
                + (before.isEmpty ? "" : "; before already: \(before.joined(separator: ", "))")
        case .checking: "checking"
        case .failing(let what): what.isEmpty ? "all checks hold" : "does not hold: \(what)"
        case .healthy: "all checks have held"
        case .awaitingConfirmation(let time):
            "waiting \(time.components.seconds) s for a confirmation over a new connection"
        case .confirmed: "confirmed"
        case .settingProfile: "setting the profile"
        case .writingBootLoader: "writing the boot loader"
        case .rollingBack(let reason): "going back: \(reason.text)"
        case .rolledBack(let code, let running):
            "going back ended with \(code); \(Self.name(running)) runs"
        case .resumed: "another supervisor goes on"
        case .warning(let text): "warning: \(text)"
        case .ended(let outcome): "the host has ended: \(HostEnding(outcome).told)"
        case .unrecognised(let word): word
        }
    }

    private static func name(_ path: StorePath?) -> String {
        path.map(StoreDirectory.standard.path(of:)) ?? "nothing that is known"
    }
}
