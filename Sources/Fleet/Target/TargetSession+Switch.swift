// SPDX-License-Identifier: Apache-2.0
import NixFormat

extension TargetSession {
    /// What a caller may do while a switch goes on.
    package struct SwitchObserver: Sendable {
        /// Called with each line of the journal, once.
        package var onEvent: @Sendable (SwitchEvent) -> Void = { _ in }
        /// Called with each line of the log, once: what `switch-to-configuration` and checks print.
        package var onLog: @Sendable (String) -> Void = { _ in }
        /// Done before the confirmation, such as checks from outside.
        ///
        /// What it throws calls the switch off.
        package var beforeConfirming: @Sendable () async throws -> Void = {}

        package init() {}
    }

    /// Hands a switch over to a supervisor on the target, and follows it to its outcome.
    ///
    /// The supervisor needs nobody: it goes on when the connection breaks, and rolls back by itself
    /// unless a confirmation reaches it over a new connection. This asks again, at the host's
    /// addresses, for as long as the supervisor could still be at work.
    ///
    /// - Throws: ``TargetError/leaseLost(_:)``, ``TargetError/refused(_:)`` or
    ///   ``TargetError/changedMeanwhile(running:)`` when nothing was begun;
    ///   ``TargetError/contactLost(_:lastEvent:cause:)`` when the outcome is not known.
    package func apply(
        _ order: SwitchOrder,
        observer: SwitchObserver = SwitchObserver()
    ) async throws -> SwitchOutcome {
        let variables = order.variables(store: places.store)
        var follower = SwitchFollower(session: self, order: order, observer: observer)
        let first = try await follower.begin(variables)
        return try await follower.outcome(after: first)
    }

    /// Confirms over a new connection that the target can still be reached.
    ///
    /// - Returns: Whether it was in time.
    package func confirm(_ token: DeployToken, deadline: Duration) async throws -> Bool {
        let answer = try await ask(
            "confirm",
            [("token", token.description)],
            deadline: deadline,
            onNewConnection: true
        )
        return !answer.lines(of: "confirmed").isEmpty
    }

    /// Calls a switch off that has not been confirmed: it is rolled back now.
    package func abandon(_ token: DeployToken) async throws {
        _ = try await ask("abandon", [("token", token.description)])
    }

    /// Watches a deploy that is called off, or that nobody follows, to its end; each look lasts as long
    /// as something may still come of it.
    ///
    /// - Returns: `nil` when it never began, when its supervisor has died, and when it has no outcome in
    ///   time.
    package func watch(
        _ token: DeployToken,
        for time: Duration,
        onEvent: @escaping @Sendable (SwitchEvent) -> Void = { _ in }
    ) async -> SwitchOutcome? {
        var observer = SwitchObserver()
        observer.onEvent = onEvent
        let follower = SwitchFollower(settling: token, session: self, observer: observer)
        // Only what it comes to is of use; the log is left out.
        follower.skip("0 \(1 << 40)")
        return await follower.ending(within: time)
    }

    /// Brings every deploy to an end that was left without an outcome.
    ///
    /// What was confirmed is finished, what was not is rolled back, and the profile is made to agree
    /// with what runs.
    ///
    /// - Throws: ``TargetError/leased(_:)`` when somebody else is at work.
    package func settle(
        for who: String,
        onEvent: @escaping @Sendable (SwitchEvent) -> Void = { _ in }
    ) async throws -> [SwitchOutcome] {
        var outcomes: [SwitchOutcome] = []
        var observer = SwitchObserver()
        observer.onEvent = onEvent
        while true {
            let answer = try await ask("settle", [("who", who)])
            guard let token = answer.lines(of: "settling").first.flatMap(DeployToken.init(parsing:))
            else { return outcomes }
            var follower = SwitchFollower(settling: token, session: self, observer: observer)
            follower.skip(answer.lines(of: "seen").first ?? "")
            outcomes.append(try await follower.outcome())
        }
    }
}

extension SwitchOrder {
    /// The longest that a supervisor of this order can be at work, roll-back included.
    var longest: Duration {
        // One activation, one boot loader, and five tries to go back; see `restore` in the programme.
        activationTimeout * 7 + health.deadline + health.settle + confirmTimeout + .seconds(120)
    }

    func variables(store: StoreDirectory) -> [(name: String, value: String)] {
        let line = (lineage ?? "").split(whereSeparator: \.isNewline).joined(separator: " ")
        return [
            ("token", token.description), ("out", store.path(of: system)), ("mode", mode.rawValue),
            ("generation", "\(generation ?? 0)"),
            ("expected", expectedRunning.map(store.path(of:)) ?? ""),
            ("settle", "\(health.settle.wholeSeconds)"),
            ("health_deadline", "\(health.deadline.wholeSeconds)"),
            ("activation_timeout", "\(max(1, activationTimeout.wholeSeconds))"),
            ("confirm_timeout", "\(max(1, confirmTimeout.wholeSeconds))"),
            ("emergency", isEmergency ? "1" : ""), ("lineage", line), ("takes", takes ?? ""),
            ("checks", health.checks.map(\.shellLine).joined(separator: "\n")),
        ]
    }
}

extension PreflightQuestion {
    var variables: [(name: String, value: String)] {
        [
            ("out", systemPath ?? ""), ("system", system ?? ""), ("takes", takes ?? ""),
            ("mode", mode.rawValue),
            ("closure_kib", closureBytes.map { "\($0 / 1024 + 1)" } ?? ""),
            ("needs", Set(checks.compactMap(\.need)).sorted().joined(separator: " ")),
        ]
    }
}

extension HealthCheck {
    /// The programme's word for what this kind of check needs on the target.
    fileprivate var need: String? {
        switch self {
        case .unit: "unit"
        case .tcp: "tcp"
        case .http: "http"
        case .command: nil
        }
    }

    /// A call of the programme's function for this kind of check.
    var shellLine: String {
        switch self {
        case .unit(let name): "check_unit \(ShellText.quoted(name))"
        case .tcp(let host, let port): "check_tcp \(ShellText.quoted(host)) \(port)"
        case .http(let url, let status):
            "check_http \(ShellText.quoted(url)) \(status.lowerBound) \(status.upperBound)"
        case .command(let text): "check_command \(ShellText.quoted(text))"
        }
    }
}

extension Duration {
    /// Rounded up, so that nothing that was asked for becomes none.
    var wholeSeconds: Int64 {
        let parts = components
        return parts.seconds + (parts.attoseconds > 0 ? 1 : 0)
    }
}
