// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// A child process: it can be signalled and waited for from anywhere.
package final class RunningProcess: Sendable {
    package let identifier: Int32
    private let ended: Ended

    init(starting process: Process) throws {
        let ended = Ended()
        process.terminationHandler = { process in
            let signalled = process.terminationReason == .uncaughtSignal
            ended.note(process.terminationStatus + (signalled ? 128 : 0))
        }
        try process.run()
        identifier = process.processIdentifier
        self.ended = ended
    }

    /// `nil` while it runs; else its exit status, or 128 plus the signal's number.
    package var exitStatus: Int32? { ended.status }

    /// Sends a signal; does nothing once the process has been waited for.
    package func send(signal: Int32) {
        guard exitStatus == nil else { return }
        kill(identifier, signal)
    }

    /// Waits for the end.
    ///
    /// - Throws: ``ConditionNotReached`` when it still runs after `limit`.
    package func exitStatus(within limit: Duration) async throws -> Int32 {
        try await wait(for: "end of process \(identifier)", within: limit) { exitStatus != nil }
        return exitStatus ?? -1
    }

    /// What the kernel says of it, from `/proc/PID/status`; `nil` when the line is not there.
    package func kernelStatus(_ name: String) -> String? {
        let text = try? String(contentsOfFile: "/proc/\(identifier)/status", encoding: .utf8)
        let line = text?.split(separator: "\n").first { $0.hasPrefix("\(name):") }
        return line?.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces)
    }

    /// Resident memory now.
    package var residentBytes: Int? {
        kernelStatus("VmRSS").flatMap { Int($0.split(separator: " ")[0]) }.map { $0 * 1024 }
    }

    private final class Ended: Sendable {
        private let value = Mutex<Int32?>(nil)

        var status: Int32? { value.withLock { $0 } }

        func note(_ status: Int32) { value.withLock { $0 = status } }
    }
}
