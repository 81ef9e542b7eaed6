// SPDX-License-Identifier: Apache-2.0
package import NixFormat

extension TargetSession {
    /// Takes the lease, and keeps the system from collection from then on, also before it is copied.
    ///
    /// Deploys that ended without an outcome are settled first. A lease whose time is up, whose
    /// supervisor is dead or that is of an earlier start of the machine is taken over.
    ///
    /// - Parameters:
    ///   - token: Of this deploy; the same one may ask again.
    ///   - who: `user@host` of the deployer, in one line.
    ///   - duration: Until it runs out unless it is renewed; at least a second.
    ///   - system: What will be deployed: kept from collection from now on, also before it is there.
    ///   - question: What to look at besides, once the lease is there; saves a request.
    ///   - isInstalled: Whether the target may have its side of deploys already; saves a request.
    ///   - onEvent: Called with the journal of what is settled.
    /// - Returns: What was taken over, settled and found.
    /// - Throws: ``TargetError/leased(_:)`` when somebody else has it.
    package func takeLease(
        _ token: DeployToken,
        for who: String,
        lasting duration: Duration = .seconds(120),
        system: StorePath? = nil,
        question: PreflightQuestion? = nil,
        isInstalled: Bool = true,
        onEvent: @escaping @Sendable (SwitchEvent) -> Void = { _ in }
    ) async throws -> LeaseGrant {
        let out = system.map(places.store.path(of:)) ?? ""
        let asked = question?.variables.filter { $0.name != "out" } ?? []
        let request = lease(token, who, duration) + [("out", out)] + asked
        let verb = question == nil ? "lease" : "prepare"
        var settled: [SwitchOutcome] = []
        // Each round settles one deploy. More than a few would be a fault of the programme.
        for _ in 0..<8 {
            let answer = try await ask(verb, request, isInstalled: isInstalled)
            if answer.lines(of: "unsettled").isEmpty {
                let former = answer.lines(of: "former").first.flatMap(TargetLease.init(line:))
                return LeaseGrant(
                    token: token,
                    takenOverFrom: former,
                    settled: settled,
                    findings: answer.findings
                )
            }
            settled += try await settle(for: who, onEvent: onEvent)
        }
        throw TargetError.refused("deploys on \(shell.hostName) cannot be settled")
    }

    /// Makes the lease last from now on.
    ///
    /// - Throws: ``TargetError/leaseLost(_:)`` when it is not ours any more.
    package func renewLease(
        _ token: DeployToken,
        lasting duration: Duration = .seconds(120)
    ) async throws {
        _ = try await ask("renew", lease(token, "", duration))
    }

    /// Gives the lease back, unless a supervisor works with it; nothing happens when it is not ours.
    package func release(_ token: DeployToken) async throws {
        _ = try await ask("release", [("token", token.description)])
    }

    /// Takes the lease, renews it while the body runs, and gives it back however that ends.
    ///
    /// The body is cancelled when the lease is lost. When the caller is cancelled, the body is, and what
    /// it still returns counts. `isGivenBack` says whether a supervisor has given the lease back already.
    package func withLease<Value: Sendable>(
        _ token: DeployToken,
        for who: String,
        lasting duration: Duration = .seconds(120),
        system: StorePath? = nil,
        question: PreflightQuestion? = nil,
        isInstalled: Bool = true,
        isGivenBack: @Sendable (Value) -> Bool = { _ in false },
        onEvent: @escaping @Sendable (SwitchEvent) -> Void = { _ in },
        _ body: @escaping @Sendable (LeaseGrant) async throws -> Value
    ) async throws -> Value {
        let grant = try await takeLease(
            token,
            for: who,
            lasting: duration,
            system: system,
            question: question,
            isInstalled: isInstalled,
            onEvent: onEvent
        )
        do {
            let value = try await withThrowingTaskGroup(of: Value?.self) { group in
                group.addTask { try await body(grant) }
                group.addTask {
                    // Only the body knows what a cancellation comes to.
                    do {
                        try await keepRenewing(token, lasting: duration)
                    } catch is CancellationError {}
                    return nil
                }
                defer { group.cancelAll() }
                while let value = try await group.next() {
                    if let value { return value }
                }
                throw CancellationError()
            }
            if !isGivenBack(value) { await releaseWhateverHappens(token) }
            return value
        } catch {
            await releaseWhateverHappens(token)
            throw error
        }
    }

    /// In the middle of each period; a host that is out of reach is asked again and again until its end.
    ///
    /// It returns when the supervisor has given the lease back.
    private func keepRenewing(_ token: DeployToken, lasting duration: Duration) async throws {
        var pause = duration / 2
        while true {
            try await Task.sleep(for: pause)
            pause = duration / 12
            do {
                try await renewLease(token, lasting: duration)
                pause = duration / 2
            } catch TargetError.leaseLost(nil) {
                return
            } catch TargetError.leaseLost(let lease) {
                throw TargetError.leaseLost(lease)
            } catch is RemoteFailure, is TargetError {
                continue
            }
        }
    }

    /// Also after a cancellation; a lease that cannot be given back runs out by itself.
    private func releaseWhateverHappens(_ token: DeployToken) async {
        await Task { try? await release(token) }.value
    }

    private func lease(
        _ token: DeployToken,
        _ who: String,
        _ duration: Duration
    ) -> [(name: String, value: String)] {
        let line = who.split(whereSeparator: \.isNewline).joined(separator: " ")
        return [
            ("token", token.description), ("who", line.isEmpty ? "unknown" : line),
            ("lasting", "\(max(1, duration.components.seconds))"),
        ]
    }
}
