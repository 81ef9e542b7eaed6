// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import Foundation
import NixFormat
import Testing

@Suite struct FleetFolderTests {
    @Test func ofWhatIsQueuedForAHostTheNewestStays() async throws {
        try await withTemporaryDirectory { directory in
            let folder = FleetFolder(state: directory.path)
            let host = try HostName(parsing: "samsung")
            let first = try Self.intent(host, "one")
            let second = try Self.intent(host, "two")
            try folder.queue(first)
            try folder.queue(second)
            #expect(folder.queued() == [second])
            #expect(folder.queued().first?.wanted?.path.name == "two")
            // What was delivered is not what is queued by now.
            folder.unqueue(host, first)
            #expect(folder.queued() == [second])
            folder.unqueue(host, second)
            #expect(folder.queued() == [])
        }
    }

    @Test func aFileThatIsNoIntentIsPassedOver() async throws {
        try await withTemporaryDirectory { directory in
            try directory.makeDirectory("fleet/queue")
            try directory.write("{}", to: "fleet/queue/samsung.json")
            try directory.write("nonsense", to: "fleet/queue/razer.json")
            #expect(FleetFolder(state: directory.path).queued() == [])
        }
    }

    @Test func hostsThatARunDidNotTouchStayAsTheyWereNoted() async throws {
        try await withTemporaryDirectory { directory in
            let folder = FleetFolder(state: directory.path)
            let names = try ["a", "b", "c"].map { try HostName(parsing: $0) }
            try folder.note(good: [], bad: [names[0], names[1]])
            try folder.note(good: [names[0]], bad: [names[2]])
            #expect(folder.left() == [names[1], names[2]])
        }
    }

    private static func intent(_ host: HostName, _ name: String) throws -> QueuedIntent {
        let path = try StorePath(parsing: "\(String(repeating: "a", count: 32))-\(name)")
        return QueuedIntent(
            host,
            WantedSystem(path: path),
            DeployToken(),
            mode: .switch,
            via: .builder
        )
    }
}
