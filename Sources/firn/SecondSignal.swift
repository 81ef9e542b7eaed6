// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc
import ServiceLifecycle
import UnixSignals

/// Ends the process at once when it is told to stop a second time.
///
/// The first signal lets running transfers finish, which can take minutes; whoever presses Ctrl-C
/// again does not want to wait for them. Nothing is lost by it: the depot stands a kill at any time.
struct SecondSignal: Service {
    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        var isStopping = false
        // First among the services, it is the last to be told of the stop: it listens until then.
        for await _ in signals.cancelOnGracefulShutdown() {
            guard isStopping else {
                isStopping = true
                continue
            }
            StandardError.write("firn: told twice to stop; transfers were broken off")
            _exit(ExitCode.interrupted.rawValue)
        }
    }
}
