// SPDX-License-Identifier: Apache-2.0
import Fleet
import Foundation
import NixFormat
import Synchronization
import Testing

/// How a journal is followed, over connections that break, with a host that is made up.
@Suite struct SwitchFollowingTests {
    private static let path = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-nixos-system-samsung-1"

    /// A host with a journal, of which each request that follows it shows some lines.
    private final class Host: Sendable {
        struct State {
            var lines: [String] = []
            var turns: [Turn] = []
            var verbs: [String] = []
        }
        enum Turn: Sendable {
            /// Shows lines up to this number, then ends with a word.
            case upTo(Int, String)
            /// Shows lines up to this number; then the connection breaks.
            case breaksAfter(Int)
            case isOutOfReach
        }
        let state: Mutex<State>

        init(_ lines: [String], _ turns: [Turn]) {
            state = Mutex(State(lines: lines, turns: turns))
        }

        func answer(_ request: RemoteRequest) throws -> RemoteAnswer {
            let script = String(decoding: request.input, as: UTF8.self)
            let verb = script.matches(of: /verb_([a-z]+) <\/dev\/null/).last.map { String($0.1) }
            state.withLock { $0.verbs.append((verb ?? "") + (request.onNewConnection ? "!" : "")) }
            guard ["switch", "follow", "vouch"].contains(verb) else { return RemoteAnswer("end\n") }
            let seen = script.firstMatch(of: /seen_events='(\d+)'/).flatMap { Int($0.1) } ?? 0
            let turn = state.withLock { $0.turns.isEmpty ? nil : $0.turns.removeFirst() }
            var text = ""
            func show(upTo end: Int) {
                for line in state.withLock({ Array($0.lines[min(seen, end)..<end]) }) {
                    text += "E \(line)\n"
                    request.onLine?(RemoteLine(stream: .output, text: "E \(line)"))
                }
            }
            switch turn {
            case .upTo(let end, let word):
                show(upTo: end)
                return RemoteAnswer(text + "follow \(word)\nend\n")
            case .breaksAfter(let end):
                show(upTo: end)
                throw RemoteFailure.brokenOff("gone")
            case .isOutOfReach, nil: throw RemoteFailure.unreachable("No route to host")
            }
        }
    }

    private func follow(_ host: Host) async throws -> (SwitchOutcome, [SwitchEvent]) {
        let session = TargetSession(shell: ScriptedShell { try host.answer($0) })
        let system = try StoreDirectory.standard.storePath(parsing: Self.path)
        let order = SwitchOrder(token: DeployToken(), system: system)
        let seen = Seen()
        var observer = TargetSession.SwitchObserver()
        observer.onEvent = { event in seen.events.withLock { $0.append(event) } }
        let outcome = try await session.apply(order, observer: observer)
        return (outcome, seen.events.withLock { $0 })
    }

    private final class Seen: Sendable {
        let events = Mutex<[SwitchEvent]>([])
    }

    private static let journal = [
        "100.00 started old=\(path) new=\(path)", "100.10 activating",
        "101.25 activated code=4 running=\(path)", "101.30 units new=a.service,b.service before=",
        "102.00 failing text=tcp text=1 = 2", "103.00 awaiting seconds=60", "103.50 confirmed",
        "a line that a full disk has cut",
        "104.00 outcome ending=done reason=asked code=4 old=\(path) new=\(path) running=\(path) "
            + "profile=\(path) cpu=1230 written=4096 settled=0 units=a.service text=",
    ]

    @Test func eachLineIsSeenOnceOverManyConnections() async throws {
        let host = Host(
            Self.journal,
            [
                .upTo(2, "more"), .breaksAfter(4), .isOutOfReach, .upTo(6, "awaiting"),
                .breaksAfter(9),
            ]
        )
        let (outcome, events) = try await follow(host)
        #expect(outcome.ending == .done)
        #expect(outcome.exitCode == 4)
        #expect(outcome.newlyFailedUnits == ["a.service"])
        #expect(outcome.processorTime == .milliseconds(1230))
        #expect(outcome.writtenBytes == 4096)
        #expect(outcome.running?.name == "nixos-system-samsung-1")
        #expect(events.count == 8)
        #expect(events[2].uptime == .milliseconds(101_250))
        #expect(events[3].kind == .unitsFailed(new: ["a.service", "b.service"], before: []))
        #expect(events[4].kind == .failing("tcp text=1 = 2"))
        #expect(events[5].kind == .awaitingConfirmation(.seconds(60)))
        // The confirmation, and nothing else, is made over a connection of its own.
        let verbs = host.state.withLock(\.verbs)
        #expect(verbs == ["switch", "follow", "follow", "follow", "vouch!"])
    }

    /// The order is given once: what was seen of its journal says that it has arrived.
    @Test func aSwitchThatBreaksTheConnectionIsFollowedAndNotBegunAgain() async throws {
        let host = Host(
            Self.journal,
            [.breaksAfter(2), .upTo(6, "awaiting"), .isOutOfReach, .upTo(9, "ended")]
        )
        let (outcome, _) = try await follow(host)
        #expect(outcome.ending == .done)
        let verbs = host.state.withLock(\.verbs)
        #expect(verbs == ["switch", "follow", "vouch!", "follow"])
    }

    @Test func aDeadSupervisorIsSettled() async throws {
        let host = Host(Self.journal, [.upTo(2, "died"), .upTo(9, "ended")])
        let (outcome, _) = try await follow(host)
        #expect(outcome.ending == .done)
        #expect(host.state.withLock(\.verbs) == ["switch", "settle", "follow"])
    }

    @Test func wordsOfANewerTargetAreKept() async throws {
        let host = Host(
            ["1.00 novelty a=b", "2.00 outcome ending=amazed reason=novel text="],
            [.upTo(2, "ended")]
        )
        let (outcome, events) = try await follow(host)
        #expect(outcome.ending == .unrecognised("amazed"))
        #expect(outcome.reason == .unrecognised("novel"))
        #expect(outcome.running == nil)
        #expect(events.first?.kind == .unrecognised("novelty"))
    }

    @Test func aHostThatCannotBeReachedHasNotBegun() async throws {
        let session = TargetSession(
            shell: ScriptedShell { _ in throw RemoteFailure.unreachable("No route to host") }
        )
        let system = try StoreDirectory.standard.storePath(parsing: Self.path)
        await #expect(throws: RemoteFailure.unreachable("No route to host")) {
            try await session.apply(SwitchOrder(token: DeployToken(), system: system))
        }
    }
}
