// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// The real commands whose output is read, and who read ours.
enum RealCommand {
    struct Outcome {
        let status: Int32
        let output: [UInt8]
    }

    /// How a command ends when its standard input is a file of these bytes.
    static func run(_ command: String, _ arguments: String..., input: [UInt8]) throws -> Outcome {
        try run([command] + arguments, input: input)
    }

    /// What a command makes of these bytes; it must succeed.
    static func output(
        _ command: String,
        _ arguments: String...,
        input: [UInt8]
    ) throws -> [UInt8] {
        try output([command] + arguments, input: input)
    }

    /// What a command makes of these bytes; it must succeed.
    static func output(_ command: [String], input: [UInt8]) throws -> [UInt8] {
        let outcome = try run(command, input: input)
        try #require(outcome.status == 0, "\(command) ended with \(outcome.status)")
        return outcome.output
    }

    private static func run(_ command: [String], input: [UInt8]) throws -> Outcome {
        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try Data(input).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = command
        process.standardInput = try FileHandle(forReadingFrom: file)
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Outcome(status: process.terminationStatus, output: Array(bytes))
    }
}
