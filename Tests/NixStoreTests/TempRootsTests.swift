// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Glibc
import NixFormat
import NixStore
import Synchronization
import Testing

@Suite struct TempRootsTests {
    @Test func aSlowReaderBesideACollectionGetsTheWholeNAR() async throws {
        try await withStoredTree { opened, path in
            let nar = try await dump(opened.location(path))
            let info = try await opened.info(path)
            try await opened.whileRunning {
                var reader: NARReader? = try opened.store.openNAR(info, range: nil)
                let start = try reader?.read(upTo: 1_000)
                try await opened.nix.collectGarbage()
                let rest = try reader?.readAll()
                #expect((start ?? []) + (rest ?? []) == nar)
                reader = nil
                // Once nobody reads it, it is garbage like any other.
                try await wait(for: "the collection of \(path)") {
                    try await opened.nix.collectGarbage()
                    return !FileManager.default.fileExists(atPath: opened.location(path))
                }
            }
            let found = try await opened.store.findPathInfo(path.hash, deadline: .seconds(20))
            #expect(found == nil)
            #expect(throws: NARReadError.self) { try opened.store.openNAR(info, range: nil) }
        }
    }

    @Test func aCollectionThatRunsAlreadyIsTold() async throws {
        try await withStoredTree { opened, path in
            let nar = try await dump(opened.location(path))
            let info = try await opened.info(path)
            // Nix's own means to stop a collector between reading the roots and deleting.
            let gate = opened.nix.root + "/gate"
            #expect(unsafe mkfifo(gate, 0o600) == 0)
            async let collection = opened.nix.collectGarbage(haltingAt: gate)
            try await wait(for: "a collector that halts") {
                FileManager.default.fileExists(atPath: opened.stateDirectory + "/gc-socket/socket")
                    && opened.collectorHalts(at: gate)
            }
            let reader = try await onOwnThread { try opened.store.openNAR(info, range: nil) }
            try opened.openGate(gate)
            try await collection
            let bytes = try reader.readAll()
            #expect(bytes == nar)
        }
    }

    @Test func manyReadersOfAPathAddItOnce() async throws {
        try await withStoredTree { opened, path in
            let info = try await opened.info(path)
            let readers = try (0..<20).map { _ in try opened.store.openNAR(info, range: 0..<10) }
            #expect(try opened.temporaryRoots() == ["/nix/store/\(path)"])
            #expect(readers.count == 20)
        }
    }

    @Test func rootsThatNobodyNeedsLeaveTheFile() async throws {
        try await withNixStore { nix in
            let (first, second) = try await nix.addTwoFiles()
            let opened = try OpenedStore(nix)
            let kept = try opened.store.openNAR(try await opened.info(first), range: nil)
            _ = try opened.store.openNAR(try await opened.info(second), range: nil)
            let both = ["/nix/store/\(first)", "/nix/store/\(second)"]
            #expect(try opened.temporaryRoots() == both)
            try await opened.whileRunning {
                try await wait(for: "the second to leave") {
                    try opened.temporaryRoots() == ["/nix/store/\(first)"]
                }
            }
            // What is kept is still protected, and what left can come back.
            try await nix.collectGarbage()
            let bytes = try kept.readAll()
            #expect(!bytes.isEmpty)
        }
    }

    @Test func aStrangerAsksTheDaemon() async {
        await #expect(processExitsWith: .success) {
            try await withStoredTree { opened, path in
                try opened.nix.openForEverybody()
                let socket = "\(opened.nix.root)/nix/var/nix/daemon-socket/socket"
                let daemon = try opened.nix.startDaemon(socket: socket)
                // It only looks at SIGTERM when somebody connects.
                defer { daemon.send(signal: SIGKILL) }
                try await wait(for: "the daemon") {
                    FileManager.default.fileExists(atPath: socket)
                }
                let nar = try await dump(opened.location(path))
                let info = try await opened.info(path)
                try await waitAsNobody {
                    let reader = try opened.store.openNAR(info, range: nil)
                    let start = try reader.read(upTo: 1_000)
                    try await waitAsRoot { try await opened.nix.collectGarbage() }
                    let rest = try reader.readAll()
                    #expect(start + rest == nar)
                    #expect(opened.log.messages.isEmpty)
                }
                try await opened.whileRunning {
                    try await wait(for: "the collection of \(path)") {
                        try await opened.nix.collectGarbage()
                        return !FileManager.default.fileExists(atPath: opened.location(path))
                    }
                }
            }
        }
    }

    @Test func whereNothingIsPossibleThatIsLoggedOnce() async {
        await #expect(processExitsWith: .success) {
            try await withStoredTree { opened, path in
                try opened.nix.openForEverybody()
                let nar = try await dump(opened.location(path))
                let info = try await opened.info(path)
                try asNobody {
                    for _ in 0..<3 {
                        let bytes = try opened.store.openNAR(info, range: nil).readAll()
                        #expect(bytes == nar)
                    }
                }
                #expect(opened.log.messages.count == 1)
                #expect(opened.store.counters.rootsFailed.load(ordering: .relaxed) == 3)
            }
        }
    }
}

extension OpenedStore {
    var stateDirectory: String { nix.root + "/nix/var/nix" }

    /// What this process has registered.
    func temporaryRoots() throws -> [String] {
        let file = "\(stateDirectory)/temproots/\(getpid())"
        let contents = try Data(contentsOf: URL(filePath: file))
        return contents.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether somebody waits for the pipe to be written.
    func collectorHalts(at gate: String) -> Bool {
        let descriptor = unsafe open(gate, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        // Kept open: closing it would be the end that the collector waits for.
        gateKeeper.withLock { $0.append(descriptor) }
        return true
    }

    func openGate(_ gate: String) throws {
        for descriptor in gateKeeper.withLock({ $0 }) { close(descriptor) }
    }
}

private let gateKeeper = Mutex<[Int32]>([])

extension TemporaryNixStore {
    /// Collects, but waits for a pipe before anything is deleted.
    func collectGarbage(haltingAt gate: String) async throws {
        var command = Command("nix-store", ["--gc", "--store", root])
        command.environment["_NIX_TEST_GC_SYNC"] = gate
        command.environment["_NIX_TEST_GC_SYNC_2"] = gate
        command.environment["HOME"] = root
        try await command.run(deadline: .seconds(60)).requireSuccess()
    }

    func startDaemon(socket: String) throws -> RunningProcess {
        var command = Command("nix-daemon", [])
        command.environment["NIX_REMOTE"] = root
        command.environment["NIX_DAEMON_SOCKET_PATH"] = socket
        command.environment["HOME"] = root
        let output = FileHandle.nullDevice
        return try command.start(output: output, errors: output)
    }
}
