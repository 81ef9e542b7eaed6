// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Synchronization

/// A child process: it can be signalled and waited for from anywhere.
///
/// Not Foundation's `Process`: that learns of the end through a socket which children started at the
/// same time inherit, so a short command seemed to run for as long as a server started beside it.
package final class RunningProcess: Sendable {
    package let identifier: Int32
    private let ending = Ending()

    /// Starts a program with `descriptors` as its standard input, output and error.
    init(
        _ program: String,
        _ arguments: [String],
        environment: [String: String],
        descriptors: [Int32]
    ) throws {
        identifier = try Spawning.spawn(
            program,
            [program] + arguments,
            environment.map { "\($0.key)=\($0.value)" },
            descriptors
        )
        let ending = ending
        let identifier = identifier
        Thread.detachNewThread { ending.await(identifier) }
    }

    /// `nil` while it runs; else its exit status, or 128 plus the signal's number.
    package var exitStatus: Int32? { ending.status }

    /// Sends a signal; does nothing once the process has ended.
    package func send(signal: Int32) { ending.send(signal, to: identifier) }

    /// Waits for the end.
    ///
    /// - Throws: ``ConditionNotReached`` when it still runs after `limit`.
    package func exitStatus(within limit: Duration) async throws -> Int32 {
        try await wait(for: "end of process \(identifier)", within: limit) { exitStatus != nil }
        return exitStatus ?? -1
    }

    /// Resident memory now.
    package var residentBytes: Int? {
        let path = "/proc/\(identifier)/status"
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        return text.firstMatch(of: /VmRSS:\s+(\d+) kB/).flatMap { Int($0.1) }.map { $0 * 1024 }
    }

    /// The most memory that was resident so far.
    package var peakResidentBytes: Int? {
        let path = "/proc/\(identifier)/status"
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        return text.firstMatch(of: /VmHWM:\s+(\d+) kB/).flatMap { Int($0.1) }.map { $0 * 1024 }
    }

    /// Waits for the child, and keeps signals from whoever gets its number afterwards.
    private final class Ending: Sendable {
        private let value = Mutex<Int32?>(nil)

        var status: Int32? { value.withLock { $0 } }

        func send(_ signal: Int32, to identifier: Int32) {
            value.withLock { status in
                if status == nil { kill(identifier, signal) }
            }
        }

        func await(_ identifier: Int32) {
            var facts = unsafe siginfo_t()
            while unsafe waitid(P_PID, id_t(identifier), &facts, WEXITED | WNOWAIT) != 0 {
                guard errno == EINTR else { break }
            }
            value.withLock { status in
                var raw: Int32 = 0
                unsafe waitpid(identifier, &raw, 0)
                let signal = raw & 0x7F
                status = signal == 0 ? (raw >> 8) & 0xFF : 128 + signal
            }
        }
    }
}
