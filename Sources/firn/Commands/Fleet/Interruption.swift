// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc
import UnixSignals

/// What Ctrl-C does to a command of the fleet.
enum Interruption {
    /// The first cancels the body, which then says how it left every host; the second ends at once.
    static func cancelling<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let work = Task { try await body() }
        let watch = Task {
            var isStopping = false
            for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) {
                guard !isStopping else {
                    StandardError.write(
                        "firn: told twice to stop; hosts in a switch go back by themselves unless"
                            + " they were confirmed"
                    )
                    _exit(ExitCode.interrupted.rawValue)
                }
                isStopping = true
                StandardError.write("firn: stopping; hosts in a switch are called back first")
                work.cancel()
            }
        }
        defer { watch.cancel() }
        return try await work.value
    }
}
