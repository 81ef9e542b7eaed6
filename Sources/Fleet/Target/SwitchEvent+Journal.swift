// SPDX-License-Identifier: Apache-2.0
import NixFormat

extension SwitchEvent {
    /// Reads `UPTIME WORD key=value… text=…`.
    ///
    /// - Returns: `nil` when the line is none, such as one that a full disk cut off.
    init?(line: String, _ token: DeployToken, _ store: StoreDirectory) {
        let words = line.split(separator: " ", maxSplits: 2)
        guard words.count >= 2, let uptime = Duration(uptime: words[0]) else { return nil }
        let fields = JournalFields(words.count > 2 ? words[2] : "")
        self.uptime = uptime
        kind = Kind(String(words[1]), fields, token, store)
    }
}

extension SwitchEvent.Kind {
    init(_ word: String, _ fields: JournalFields, _ token: DeployToken, _ store: StoreDirectory) {
        let running = fields.storePath("running", store)
        let code = fields["code"].flatMap { Int32($0) } ?? -1
        switch word {
        case "started":
            self = .started(
                old: fields.storePath("old", store),
                new: fields.storePath("new", store)
            )
        case "activating": self = .activating
        case "activated": self = .activated(exitCode: code, running: running)
        case "units": self = .unitsFailed(new: fields.list("new"), before: fields.list("before"))
        case "checking": self = .checking
        case "failing": self = .failing(fields["text"] ?? "")
        case "healthy": self = .healthy
        case "awaiting":
            self = .awaitingConfirmation(.seconds(fields["seconds"].flatMap { Int($0) } ?? 0))
        case "confirmed": self = .confirmed
        case "profile": self = .settingProfile
        case "bootloader": self = .writingBootLoader
        case "restoring": self = .rollingBack(SwitchOutcome.Reason(fields["reason"] ?? ""))
        case "restored": self = .rolledBack(exitCode: code, running: running)
        case "resumed": self = .resumed
        case "warning": self = .warning(fields["text"] ?? "")
        case "outcome": self = .ended(SwitchOutcome(fields, token, store))
        default: self = .unrecognised(word)
        }
    }
}

extension SwitchOutcome {
    init(_ fields: JournalFields, _ token: DeployToken, _ store: StoreDirectory) {
        self.init(
            token: token,
            ending: Ending(fields["ending"] ?? ""),
            reason: Reason(fields["reason"] ?? ""),
            detail: fields["text"] ?? "",
            old: fields.storePath("old", store),
            new: fields.storePath("new", store),
            running: fields.storePath("running", store),
            profile: fields.storePath("profile", store),
            exitCode: fields["code"].flatMap { Int32($0) },
            newlyFailedUnits: fields.list("units"),
            processorTime: fields["cpu"].flatMap { Int64($0) }.map { .milliseconds($0) },
            writtenBytes: fields["written"].flatMap { Int($0) },
            isSettled: fields["settled"] == "1"
        )
    }
}

extension SwitchOutcome.Ending {
    init(_ word: String) {
        switch word {
        case "done": self = .done
        case "staged": self = .staged
        case "tested": self = .tested
        case "previewed": self = .previewed
        case "refused": self = .refused
        case "rolled-back": self = .rolledBack
        case "stuck": self = .stuck
        default: self = .unrecognised(word)
        }
    }
}

extension SwitchOutcome.Reason {
    init(_ word: String) {
        switch word {
        case "asked": self = .asked
        case "refused": self = .refusedByItself
        case "inhibited": self = .inhibited
        case "restart": self = .needsRestart
        case "activation-script": self = .activationScript
        case "units": self = .units
        case "crashed": self = .crashed
        case "exit": self = .exitCode
        case "timed-out": self = .timedOut
        case "not-activated": self = .notActivated
        case "unhealthy": self = .unhealthy
        case "unconfirmed": self = .unconfirmed
        case "abandoned": self = .abandoned
        case "profile": self = .profile
        case "bootloader": self = .bootLoader
        case "restarted": self = .restarted
        case "died": self = .supervisorDied
        case "state": self = .stateUnusable
        case "lease-lost": self = .leaseLost
        case "superseded": self = .superseded
        default: self = .unrecognised(word)
        }
    }
}

extension JournalFields {
    /// `nil` when it is missing, or no path of this store.
    func storePath(_ key: String, _ store: StoreDirectory) -> StorePath? {
        self[key].flatMap { try? store.storePath(parsing: $0) }
    }
}

extension Duration {
    /// Reads seconds with hundredths, as the kernel writes them.
    init?(uptime text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].utf8.count == 2, let seconds = Int64(parts[0]),
            let hundredths = Int64(parts[1]), seconds >= 0, hundredths >= 0
        else { return nil }
        self = .seconds(seconds) + .milliseconds(hundredths * 10)
    }
}
