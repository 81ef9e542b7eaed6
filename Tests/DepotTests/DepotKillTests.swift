// SPDX-License-Identifier: Apache-2.0
import Depot
import Dispatch
import Foundation
import NixFormat
import Synchronization
import Testing

/// Processes that are killed with SIGKILL while they write: opening again is all the repair there is.
///
/// The body of an exit test runs in a child and cannot be handed anything, so parent and child meet in
/// a directory that is named after the parent; that is why one test runs after the other.
@Suite(.serialized) struct DepotKillTests {
    @Test(arguments: DepotStep.ofObjects)
    func aProcessKilledAtAnyStepLeavesAWholeDepot(step: DepotStep) async throws {
        let meeting = try Meeting(plan: step.rawValue)
        defer { meeting.end() }
        do {
            let depot = try meeting.test.open(blocks: 4)
            try depot.put(Sample(1))
            try depot.put(Sample(2))
        }
        await #expect(processExitsWith: .signal(SIGKILL)) {
            let meeting = Meeting.ofParent
            let plan = try meeting.plan()
            let depot = try meeting.test.open(blocks: 4) { reached in
                if reached.rawValue == plan { kill(getpid(), SIGKILL) }
            }
            try depot.put(Sample(3))
        }
        let left = try meeting.test.verifyAtRest(blocks: 4)
        #expect(left.contains(try Sample(2).key))
        // Once its narinfo has its name the object is whole, and may stay; before that it goes.
        let isNamed: Set<DepotStep> = [.narInfoRenamed, .narInfoSynced, .presenceRecorded]
        #expect(left.contains(try Sample(3).key) == isNamed.contains(step))
        #expect(try meeting.test.narInfosByObject().count == left.count)
        let depot = try meeting.test.open(blocks: 4)
        if try depot.find(Sample(3).key) == nil { try depot.put(Sample(3)) }
        #expect(try depot.contents(of: Sample(3).key) == Sample(3).bytes)
    }

    @Test(arguments: [DepotStep.narInfoWritten, .narInfoRenamed, .narInfoSynced])
    func aProcessKilledWhileItSignsLeavesOneNARInfoOrTheOther(step: DepotStep) async throws {
        let meeting = try Meeting(plan: step.rawValue)
        defer { meeting.end() }
        let sample = try Sample(1)
        do { try meeting.test.open().put(sample) }
        await #expect(processExitsWith: .signal(SIGKILL)) {
            let meeting = Meeting.ofParent
            let plan = try meeting.plan()
            let depot = try meeting.test.open { reached in
                if reached.rawValue == plan { kill(getpid(), SIGKILL) }
            }
            // Long enough for a second block.
            let many = try (0..<60).map { try Sample.signature("key-\($0)", UInt8($0)) }
            try depot.updateSignatures(of: Sample(1).key.storeHash, adding: many)
        }
        let depot = try meeting.test.open()
        let count = try depot.narInfo(for: sample.key.storeHash)?.narInfo.signatures.count
        #expect(count == (step == .narInfoWritten ? 1 : 61))
        #expect(try meeting.test.names(in: "unfinished").isEmpty)
        // A row that counts too much is the most that is left, for a check to correct.
        let kinds = Mutex<Set<DepotFinding.Kind>>([])
        _ = try depot.check(isRepairing: true) { finding in
            kinds.withLock { _ = $0.insert(finding.kind) }
        }
        #expect(kinds.withLock { $0 } == (step == .narInfoWritten ? [.miscountedNARInfo] : []))
        #expect(try depot.usage().sizeBytes == meeting.test.occupiedBytes())
    }

    @Test func processesKilledAtAnyMomentUnderLoadLeaveAWholeDepot() async throws {
        let meeting = try Meeting(plan: "")
        defer { meeting.end() }
        for _ in 0..<6 {
            await #expect(processExitsWith: .signal(SIGKILL)) {
                let depot = try Meeting.ofParent.test.open(blocks: 40)
                let samples = try (0..<60).map { try Sample($0, blocks: 1 + $0 % 6) }
                let delay = UInt32.random(in: 2000...60_000)
                DispatchQueue.concurrentPerform(iterations: 5) { worker in
                    if worker == 0 {
                        usleep(delay)
                        kill(getpid(), SIGKILL)
                    }
                    while true {
                        guard let sample = samples.randomElement() else { return }
                        if (try? depot.contents(of: sample.key)) == nil {
                            _ = try? depot.put(sample)
                        }
                    }
                }
            }
            _ = try meeting.test.narInfosByObject()
            let left = try meeting.test.verifyAtRest(blocks: 40)
            #expect(try meeting.test.narInfosByObject().count == left.count)
            for number in 0..<60 {
                let sample = try Sample(number, blocks: 1 + number % 6)
                guard left.contains(sample.key) else { continue }
                let file = try Data(contentsOf: URL(filePath: meeting.test.path(of: sample.key)))
                #expect(Array(file) == sample.bytes)
            }
        }
    }
}

/// Where a test and the process that it sees killed find each other.
private struct Meeting {
    let test: TestDepot
    private var planPath: String { test.directory + ".plan" }

    static var ofParent: Meeting { Meeting(processID: getppid()) }

    private init(processID: Int32) {
        let directory = FileManager.default.temporaryDirectory.path
        test = TestDepot(directory: "\(directory)/firn-depot-killed-\(processID)")
    }

    init(plan: String) throws {
        self.init(processID: getpid())
        end()
        try Data(plan.utf8).write(to: URL(filePath: planPath))
    }

    func plan() throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: planPath)), as: UTF8.self)
    }

    func end() {
        try? FileManager.default.removeItem(atPath: test.directory)
        try? FileManager.default.removeItem(atPath: planPath)
    }
}
