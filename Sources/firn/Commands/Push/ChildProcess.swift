// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Synchronization

/// A command that runs with this process's own terminal, input and output.
final class ChildProcess: Sendable {
    struct StartFailure: Error, CustomStringConvertible {
        let command: String
        let code: Int32

        var description: String {
            unsafe "\(command): \(String(cString: strerror(code)).lowercased())"
        }
    }

    private let identifier: pid_t
    private let end = Mutex<(code: Int32?, waiter: CheckedContinuation<Int32, Never>?)>((nil, nil))

    /// Starts a command that is found in `PATH`.
    ///
    /// Ctrl-C reaches the command by the terminal, so that this process outlives it and can say what
    /// was not sent.
    static func start(_ command: [String]) throws -> ChildProcess {
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe _ = posix_spawnattr_destroy(&attributes) }
        // The command gets its signals as this process found them.
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe sigaddset(&signals, SIGINT)
        unsafe sigaddset(&signals, SIGTERM)
        unsafe sigaddset(&signals, SIGPIPE)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
        )
        let arguments = unsafe command.map { unsafe strdup($0) } + [nil]
        defer { for place in unsafe arguments.indices { unsafe free(arguments[place]) } }
        signal(SIGINT, SIG_IGN)
        var identifier: pid_t = 0
        let code = unsafe posix_spawnp(
            &identifier,
            command[0],
            nil,
            &attributes,
            arguments,
            environ
        )
        guard code == 0 else { throw StartFailure(command: command[0], code: code) }
        return ChildProcess(identifier)
    }

    private init(_ identifier: pid_t) {
        self.identifier = identifier
        Thread.detachNewThread { [self] in waitForEnd() }
    }

    /// Passes a signal on.
    ///
    /// - Returns: `false` when the command has ended.
    func send(_ signal: Int32) -> Bool {
        end.withLock { end in
            guard end.code == nil else { return false }
            kill(identifier, signal)
            return true
        }
    }

    /// How it ended: its exit code, or 128 and the number of the signal that ended it.
    func exitCode() async -> Int32 {
        await withCheckedContinuation { continuation in
            let code = end.withLock { end in
                if end.code == nil { end.waiter = continuation }
                return end.code
            }
            if let code { continuation.resume(returning: code) }
        }
    }

    private func waitForEnd() {
        var facts = unsafe siginfo_t()
        while unsafe waitid(P_PID, id_t(identifier), &facts, WEXITED | WNOWAIT) != 0 {
            guard errno == EINTR else { break }
        }
        // Whoever presses Ctrl-C again does not want to wait for what is left.
        signal(SIGINT, SIG_DFL)
        let waiter = end.withLock { end in
            // Under the lock, so that no signal goes to whoever gets its number afterwards.
            var status: Int32 = 0
            unsafe waitpid(identifier, &status, 0)
            let number = status & 0x7F
            let code = number == 0 ? (status >> 8) & 0xFF : 128 + number
            end.code = code
            return end.waiter.take().map { ($0, code) }
        }
        if let (continuation, code) = waiter { continuation.resume(returning: code) }
    }
}
