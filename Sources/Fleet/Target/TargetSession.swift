// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// Everything that is done on one target, over whoever runs programmes there.
///
/// The work is done by a programme of the target's own, in `sh`, which is sent over once and kept
/// there. Each request may be repeated: after a connection broke off, the same request finds what the
/// first one did.
package struct TargetSession: Sendable {
    package let shell: any RemoteShell
    package let places: TargetPlaces
    /// For a request that only looks or takes note.
    package let requestDeadline: Duration

    package init(
        shell: any RemoteShell,
        places: TargetPlaces = TargetPlaces(),
        requestDeadline: Duration = .seconds(60)
    ) {
        self.shell = shell
        self.places = places
        self.requestDeadline = requestDeadline
    }

    /// Looks at the host, in one round trip.
    ///
    /// - Parameter asRoot: Without it, ``TargetFacts/unsettled`` is not known where the user is not
    ///   root; everything else is.
    /// - Returns: What was found; each fact that was not is absent.
    /// - Throws: ``RemoteFailure``, or ``TargetError/unexpectedAnswer(to:exitCode:said:)``.
    package func facts(asRoot: Bool) async throws -> TargetFacts {
        // Told at once: each line by itself would travel by itself.
        let telling = "all=$(facts </dev/null)\nsay \"$all\"\nexit\n"
        let script = settings() + FactsProgramme.text + telling
        let answer = try await shell.run(
            RemoteRequest(
                ["sh"],
                input: Array(script.utf8),
                asRoot: asRoot,
                deadline: requestDeadline
            )
        )
        let lines = try TargetAnswer(answer, to: "facts").lines
        return TargetFacts(lines, store: places.store)
    }

    /// What would keep a deploy from succeeding; empty when nothing is known to.
    package func preflight(_ question: PreflightQuestion) async throws -> [PreflightFinding] {
        try await ask("preflight", question.variables).findings
    }

    /// One request to the programme, which is sent along when the target does not have it yet.
    func ask(
        _ verb: String,
        _ variables: [(name: String, value: String)] = [],
        deadline: Duration? = nil,
        onNewConnection: Bool = false,
        isInstalled: Bool = true,
        onLine: (@Sendable (RemoteLine) -> Void)? = nil
    ) async throws -> TargetAnswer {
        let start = settings() + ShellText.assignments(variables)
        var answer: TargetAnswer?
        let installation = [TargetProgramme.installation]
        for opening in isInstalled ? [TargetProgramme.opening] + installation : installation {
            let script = start + opening + "verb_\(verb) </dev/null\nexit\n"
            let request = RemoteRequest(
                ["sh"],
                input: Array(script.utf8),
                asRoot: true,
                deadline: deadline ?? requestDeadline,
                onNewConnection: onNewConnection,
                onLine: onLine
            )
            answer = try TargetAnswer(try await shell.run(request), to: verb)
            if answer?.isMissingProgramme == false { break }
        }
        guard let answer, !answer.isMissingProgramme else {
            throw TargetError.refused("\(places.state) does not keep what is written to it")
        }
        if let refusal = answer.refusal { throw refusal }
        return answer
    }

    private func settings() -> String {
        ShellText.assignments([
            ("profile", places.profile), ("run", places.run), ("state", places.state),
            ("boot", places.boot), ("roots", places.roots), ("store", places.store.path),
            ("boot_identifier", places.bootIdentifier), ("power", places.powerSupplies),
        ])
    }
}
