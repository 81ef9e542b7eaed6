// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import Glibc
import UnixSignals

/// What Ctrl-C does to a command of the fleet.
enum Interruption {
    /// A closed terminal is as Ctrl-C, unless whoever started us wanted us to outlive it.
    private static var signals: [UnixSignal] {
        [.sigint, .sigterm] + (ignoresHangups ? [] : [.sighup])
    }

    /// As `nohup` arranges it; the kernel tells which signals are ignored, SIGHUP as the lowest bit.
    private static var ignoresHangups: Bool {
        let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("SigIgn:") }
        let mask = line.flatMap { UInt64($0.dropFirst(7).trimmingPrefix("\t"), radix: 16) }
        return (mask ?? 0) & 1 == 1
    }

    private static let first = "; hosts in a switch are called back first"
    private static let later =
        "; hosts in a switch go back by themselves unless they were confirmed"

    /// The first cancels the body, which then says how it left every host; the second ends at once.
    static func cancelling<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value,
        isSwitching: Bool = false,
        atOnce tidyUp: @escaping @Sendable () -> Void = {}
    ) async throws -> Value {
        let work = Task { try await body() }
        let watch = Task {
            var isStopping = false
            for await signal in await UnixSignalsSequence(trapping: signals) {
                guard !isStopping else {
                    // A terminal that is closed may say so several times.
                    if signal == .sighup { continue }
                    tidyUp()
                    StandardError.write("firn: told twice to stop\(isSwitching ? Self.later : "")")
                    _exit(ExitCode.interrupted.rawValue)
                }
                isStopping = true
                StandardError.write("firn: stopping\(isSwitching ? Self.first : "")")
                work.cancel()
            }
        }
        defer { watch.cancel() }
        return try await work.value
    }
}
