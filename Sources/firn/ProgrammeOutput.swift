// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What another programme of this machine prints, within a time.
enum ProgrammeOutput {
    /// Looks the programme up in `PATH`, without a shell.
    ///
    /// - Returns: `nil` when it is not there, did not end well, or not in time.
    static func read(_ words: [String], limit: Duration) async -> Data? {
        // What is killed may still hold its output open, and without a loopback interface Foundation
        // waits for a child for ever.
        let output = await Bounded.run(limit + .milliseconds(200)) {
            wait(for: words, limit / .seconds(1))
        }
        return output ?? nil
    }

    private static func wait(for words: [String], _ limitSeconds: Double) -> Data? {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let identifier = process.processIdentifier
        let alarm = DispatchWorkItem { kill(identifier, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + limitSeconds, execute: alarm)
        let data = try? pipe.fileHandleForReading.readToEnd()
        process.waitUntilExit()
        alarm.cancel()
        return process.terminationStatus == 0 ? data ?? Data() : nil
    }
}
