// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Glibc
import Logging
import Synchronization
import Testing
import Upstream

@Suite(.inTurn) struct NetworkWatchTests {
    /// Links can be made here; elsewhere the test has nothing to watch.
    private static let canMakeLinks =
        getuid() == 0
        && FileManager.default.isExecutableFile(atPath: "/sbin/ip")

    @Test(.enabled(if: canMakeLinks, "needs root and the ip command"))
    func aBurstOfChangesIsToldOnce() async throws {
        let space = "firn-test-\(getpid())"
        try await ip("netns", "add", space)
        let told = Mutex(0)
        // The socket belongs to the namespace that its thread was in.
        let changes = try await onOwnThread {
            try Self.enter(space)
            return NetworkWatch(logger: Logger(label: "test")).changes()
        }
        let watch = Task { for await _ in changes { told.withLock { $0 += 1 } } }
        try await ip("-n", space, "link", "add", "lan", "type", "veth")
        try await ip("-n", space, "address", "add", "192.0.2.77/24", "dev", "lan")
        try await ip("-n", space, "link", "set", "lan", "up")
        try await wait(for: "a change") { told.withLock { $0 } > 0 }
        // The kernel gives the link an IPv6 address a moment later.
        try await Task.sleep(for: .seconds(2))
        let quiet = told.withLock { $0 }
        #expect(quiet <= 3)
        try await ip("-n", space, "route", "add", "198.51.100.0/24", "via", "192.0.2.1")
        let changed = ContinuousClock.now
        try await wait(for: "a route") { told.withLock { $0 } > quiet }
        #expect(ContinuousClock.now - changed < .seconds(10))
        watch.cancel()
        await watch.value
        try await ip("netns", "delete", space)
    }

    @Test func theChangesEndWithTheirReader() async {
        let task = Task {
            for await _ in NetworkWatch(logger: Logger(label: "test")).changes() {}
        }
        task.cancel()
        await task.value
    }

    private static func enter(_ space: String) throws {
        typealias SetNamespace = @convention(c) (Int32, Int32) -> Int32
        let name = unsafe try #require(dlsym(nil, "setns"))
        let file = try FileHandle(forReadingFrom: URL(filePath: "/var/run/netns/\(space)"))
        // SAFETY: the type is that of the manual, setns(2).
        let status = unsafe unsafeBitCast(name, to: SetNamespace.self)(file.fileDescriptor, 0)
        try #require(status == 0)
    }

    private func ip(_ arguments: String...) async throws {
        try await Command("ip", arguments).run(deadline: .seconds(60)).requireSuccess()
    }
}
