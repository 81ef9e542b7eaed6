// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Fleet
import Foundation
import Glibc

/// `firn deploy`.
struct DeployCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deploy",
        abstract: "Bring hosts to what their configurations say.",
        discussion: """
            Evaluates here, builds on the host's builder, has the host pull the result from there, switches, \
            checks and confirms. A host that cannot be reached afterwards goes back by itself. A host that \
            runs it already is left alone. The last lines say of every host what it runs and how it got there.

            Example:
              firn deploy samsung
              firn deploy --on @laptop --canary samsung --offline queue

            Exit codes:
              0  every host runs what was asked for, and confirmed it
              1  failed
              2  wrong usage or configuration
              3  some of several hosts are not as asked
              4  refused: a lease, a check beforehand, a step back, sudo, a host key, a system that only a \
            restart brings into effect
              5  not reachable
              6  rolled back
              130  interrupted
            """
    )

    @OptionGroup var hosts: HostArguments

    @Option(help: ArgumentHelp("Who builds: builder, target or here.", valueName: "who"))
    var via: DeployVia?

    @Flag(help: "Bring it into effect at the next boot only.")
    var boot = false

    @Flag(help: "Bring it into effect until the next boot only.")
    var test = false

    @Flag(help: "Pull it and say what a switch would do, and do none of it.")
    var dryRun = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Pull to and switch this many hosts at a time.", valueName: "n")
    )
    var parallel: Int?

    @Option(
        help: ArgumentHelp("This host first; the others only when it is well.", valueName: "host")
    )
    var canary: String?

    @Option(
        help: ArgumentHelp(
            "What becomes of a host that is away: skip, queue or fail.",
            valueName: "what"
        )
    )
    var offline: OfflinePolicy?

    @Flag(help: "The hosts that the last run left otherwise than asked.")
    var retry = false

    @Flag(help: "What was queued for hosts that were away; of each host the newest.")
    var queued = false

    @Flag(help: "Also go back behind what a host runs.")
    var force = false

    @Flag(help: "Let a host build for itself where its builder cannot be reached.")
    var allowTargetBuild = false

    @Flag(
        help: ArgumentHelp(
            "The host builds for itself, and nothing is checked but that it can boot. Asks for its name."
        )
    )
    var emergency = false

    @OptionGroup var access: FleetAccessOptions

    func validate() throws {
        if [boot, test, dryRun].filter({ $0 }).count > 1 {
            throw ValidationError("--boot, --test and --dry-run exclude each other")
        }
        if let parallel, !(1...256).contains(parallel) {
            throw ValidationError("--parallel is a number from 1 to 256")
        }
        if retry || queued {
            guard !(retry && queued) else {
                throw ValidationError("--retry and --queued exclude each other")
            }
            if emergency { throw ValidationError("--emergency is for one host by name") }
        } else {
            try hosts.requireSome()
        }
    }

    func run() async throws {
        let display = FleetDisplay(.ofStandardError(ProcessInfo.processInfo.environment))
        let session = try await FleetSession.begin(access, display)
        let options = try options(session.roster)
        try session.requireRecords()
        let (chosen, intents) = try choose(session)
        if let canary = options.canary, canary.isOurs,
            !chosen.contains(where: { $0.name == canary.name })
        {
            throw FleetError.canaryNotAmong(canary.name)
        }
        if emergency { try EmergencyQuestion.ask(chosen) }
        let (reports, wasInterrupted) = try await session.run(isSwitching: true) {
            try await display.showing {
                let run = DeployRun(session.context, options.options)
                return (try await run.run(chosen, intents: intents), Task.isCancelled)
            }
        }
        try FleetEnd.tell(
            FleetReports(reports: reports, wasInterrupted: wasInterrupted),
            access.fleet.json
        )
    }

    private func choose(_ session: FleetSession) throws -> ([Fleet.Host], [HostName: QueuedIntent])
    {
        let folder = session.context.folder
        let chosen = try session.choose(hosts.selection(isAllByDefault: retry || queued))
        if retry {
            let left = Set(folder.left())
            let rest = chosen.filter { left.contains($0.name) }
            guard !rest.isEmpty else { throw FleetError.nothingLeft }
            return (rest, [:])
        }
        guard queued else { return (chosen, [:]) }
        var intents: [HostName: QueuedIntent] = [:]
        for intent in folder.queued() {
            guard let host = intent.host, intent.wanted != nil else { continue }
            intents[host] = intent
        }
        let rest = chosen.filter { intents[$0.name] != nil }
        guard !rest.isEmpty else { throw FleetError.nothingQueued }
        return (rest, intents)
    }

    private func options(
        _ roster: FleetRoster
    ) throws -> (options: DeployOptions, canary: (name: HostName, isOurs: Bool)?) {
        var options = DeployOptions(roster.settings)
        options.mode = boot ? .boot : test ? .test : dryRun ? .dryActivate : .switch
        options.via = via
        if let parallel { options.parallel = parallel }
        if let offline { options.offline = offline }
        options.isForced = force
        options.isEmergency = emergency
        options.allowsTargetBuild = options.allowsTargetBuild || allowTargetBuild
        guard let canary else { return (options, options.canary.map { ($0, false) }) }
        let selection = HostSelection(words: [canary], isAll: false)
        do throws(HostSelection.Failure) {
            options.canary = try selection.choose(from: roster).first?.name
        } catch {
            throw FleetError.selection(error, file: nil)
        }
        return (options, options.canary.map { ($0, true) })
    }
}

/// Makes sure that somebody means it.
enum EmergencyQuestion {
    static func ask(_ hosts: [Fleet.Host]) throws {
        guard hosts.count == 1, let host = hosts.first else { throw FleetError.emergencyForOne }
        let question =
            "\(host.name) will be switched without checks and without a way back by itself.\n"
            + "Type its name to go on: "
        try? FileHandle.standardError.write(contentsOf: Data(question.utf8))
        let answer = readLine(strippingNewline: true)
        // Where nobody has typed it, nothing ends the line.
        if isatty(STDIN_FILENO) == 0 || answer == nil { StandardError.write("") }
        guard answer == "\(host.name)" else {
            throw FleetError.emergencyNotAgreed(host.name)
        }
    }
}

/// Prints how a run ended, and ends with its code.
enum FleetEnd {
    static func tell(_ all: FleetReports, _ isJSON: Bool) throws {
        if isJSON {
            StandardOutput.write(try all.json)
        } else {
            let style = TextStyle.ofStandardOutput(ProcessInfo.processInfo.environment)
            StandardOutput.write(all.table(style).joined(separator: "\n"))
        }
        if let code = all.exitCode { throw code }
    }
}

extension DeployVia: ExpressibleByArgument {}
extension OfflinePolicy: ExpressibleByArgument {}
