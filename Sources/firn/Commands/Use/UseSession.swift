// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ClientSetup
import Foundation
import NixFormat

/// One run of `firn use`, from a cache that was found to what was seen afterwards.
struct UseSession {
    let planning: UsePlanning
    let conversation: UseConversation
    let environment: [String: String]

    private var form: UseForm { planning.form }

    func use(_ cache: FoundCache) async throws {
        let goal = ClientGoal(
            url: "\(cache.url)",
            publicKeys: cache.publicKeys.map { "\($0)" }
        )
        try await carryOut(goal, cache, probe: form == .nixos ? nil : await NixProbe.run())
    }

    /// Has Nix ask this machine's daemon alone.
    func useAgent(_ find: () async throws -> FoundCache) async throws {
        let cache = try await find()
        // A module may be for another machine than this one.
        let probe = form == .nixos ? nil : await NixProbe.run()
        let known = probe?.settings ?? [:]
        let goal = ClientGoal.agent(
            url: "\(cache.url)",
            publicKeys: cache.publicKeys.map { "\($0)" },
            version: probe?.version,
            isUsers: form == .user,
            isKnown: { known.isEmpty || known[$0] != nil }
        )
        try await carryOut(goal, cache, probe: probe)
    }

    private func carryOut(
        _ goal: ClientGoal,
        _ cache: FoundCache,
        probe: NixProbe?
    ) async throws {
        let directory = cache.info.storeDirectory ?? .standard
        let check = try await SignatureCheck(
            cache: cache,
            storeDirectory: directory,
            environment: environment
        ).run()
        var plan = try planning.plan(goal, cache)
        plan.warnings = cache.warnings + plan.warnings
        if case .otherSigners(let path, let names) = check {
            let signers = names.isEmpty ? "by nobody" : "by \(names.joined(separator: ", "))"
            plan.warnings.append("\(path) is signed \(signers), and not by this key")
        }
        if form == .user, let probe {
            let trust = DaemonTrust(
                probe: probe,
                system: try planning.systemSettings(),
                environment: environment
            )
            plan.warnings += trust.warnings(plan.goal)
        }
        introduce(cache, check)
        for note in plan.notes { conversation.say("note   \(note)") }
        conversation.warn(plan.warnings)
        conversation.show(plan.changes)
        var report = UseReport(cache: "\(cache.url)", form: form.rawValue, state: "unchanged")
        report.publicKeys = plan.goal.publicKeys
        report.files = plan.changes.map(UseReport.File.init)
        report.notes = plan.notes
        report.warnings = plan.warnings
        if !plan.changes.isEmpty {
            report.state = "planned"
            if !conversation.isDryRun {
                try confirm(cache)
                for change in plan.changes { try change.apply() }
                report.state = "written"
            }
        }
        try await finish(plan, &report, isKnown: probe != nil)
    }

    private func introduce(_ cache: FoundCache, _ check: SignatureCheck.Outcome) {
        conversation.say("cache  \(cache.url)\(cache.alias.map { " (\($0))" } ?? "")")
        for key in cache.publicKeys { conversation.say("key    \(key)") }
        conversation.say("       \(cache.keySource.words)")
        if case .fits(let path, let key) = check {
            conversation.say("       \(key) has signed \(path)")
        }
    }

    private func confirm(_ cache: FoundCache) throws {
        guard case .overheard = cache.keySource else {
            return try conversation.confirm("Write it?")
        }
        try conversation.confirm(
            "The key came over plain http. Compare it with the server's, and write it only if it is"
                + " the same. Write it?"
        )
    }

    private func finish(
        _ plan: UsePlan,
        _ report: inout UseReport,
        isKnown: Bool
    ) async throws {
        var missing: [String] = []
        if report.state != "planned", isKnown {
            let probe = await NixProbe.run()
            if !probe.settings.isEmpty {
                missing = probe.missing(of: plan.goal)
                report.isInEffect = missing.isEmpty
            }
            say(report, probe)
        } else if report.state != "planned" {
            say(report, nil)
        }
        report.warnings += missing.map { "not in effect: \($0)" }
        if conversation.isJSON { StandardOutput.write(try report.line()) }
        guard !missing.isEmpty else { return }
        conversation.warn(missing.map { "written, and not in effect: \($0)" })
        StandardError.write(
            "firn: something that Nix reads later says otherwise: NIX_CONFIG, NIX_USER_CONF_FILES, or"
                + " a user's nix.conf"
        )
        throw ExitCode.someFailed
    }

    private func say(_ report: UseReport, _ probe: NixProbe?) {
        if report.state == "unchanged" { conversation.say("it is set up already") }
        for file in report.files { conversation.say("wrote  \(file.path)") }
        if form == .nixos, report.state == "written" {
            conversation.say("next   put it into the imports of configuration.nix, and rebuild")
            return
        }
        guard form != .nixos else { return }
        if report.isInEffect == true, let probe {
            conversation.say("checked: \(probe.command) has it")
        } else if report.isInEffect == nil {
            conversation.say("not checked: no nix command in PATH tells its settings")
        }
        if report.state == "written" { restart() }
    }

    /// The daemon has read the machine's file when it started.
    private func restart() {
        guard form == .system, DaemonTrust.hasDaemon(environment) else { return }
        conversation.say("next   sudo systemctl restart nix-daemon")
    }

    // MARK: Taking away

    func remove(_ name: String) async throws {
        let (label, changes) = try RemovalPlan(planning: planning, name: name).plan()
        var report = UseReport(cache: label, form: form.rawValue, state: "unchanged")
        report.files = changes.map(UseReport.File.init)
        guard !changes.isEmpty else {
            try requireAbsent(label)
            conversation.say("\(label): there is nothing of firn use")
            if conversation.isJSON { StandardOutput.write(try report.line()) }
            return
        }
        conversation.show(changes)
        report.state = "planned"
        if !conversation.isDryRun {
            try conversation.confirm("Take it away?")
            for change in changes { try change.apply() }
            for change in changes { change.removeFolders() }
            report.state = "written"
            for change in changes {
                conversation.say("\(change.new == nil ? "removed" : "wrote ") \(change.path)")
            }
            restart()
        }
        if conversation.isJSON { StandardOutput.write(try report.line()) }
    }

    /// - Throws: ``UseError/notOurs(label:path:)`` where the cache is used by lines of somebody else.
    private func requireAbsent(_ label: String) throws {
        guard planning.modulePath == nil else { return }
        let file = try SetupFile.open(planning.places.conf)
        guard let settings = try? planning.change(of: file).settings(), settings.uses(label) else {
            return
        }
        throw UseError.notOurs(label: label, path: file.path)
    }
}
