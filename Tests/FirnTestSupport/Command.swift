// SPDX-License-Identifier: Apache-2.0
package import Foundation

/// A programme with its arguments and the whole of its environment.
package struct Command: Sendable {
    /// A path, or a name to be found in `PATH`.
    package var program: String
    /// Without the programme's own name.
    package var arguments: [String]
    /// Nothing is inherited but what stands here.
    package var environment: [String: String]
    /// Where standard input comes from; `nil` is the end of file at once.
    package var inputPath: String?

    package init(
        _ program: String,
        _ arguments: [String],
        environment: [String: String] = Command.plainEnvironment
    ) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
    }

    /// `PATH` and a locale in which messages can be compared.
    package static var plainEnvironment: [String: String] {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return ["PATH": "\(path):/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"]
    }

    /// Runs to the end and collects what was printed.
    ///
    /// - Throws: ``ConditionNotReached`` when it takes longer than `deadline`; it is killed then.
    package func run(deadline: Duration) async throws -> CommandOutcome {
        let output = try CaptureFile()
        let errors = try CaptureFile()
        let process = try start(output: output.handle, errors: errors.handle)
        do {
            let status = try await process.exitStatus(within: deadline)
            return CommandOutcome(
                command: self,
                status: status,
                output: try output.contents(),
                errors: String(decoding: try errors.contents(), as: UTF8.self)
            )
        } catch {
            process.send(signal: SIGKILL)
            let said = String(decoding: try errors.contents().suffix(2000), as: UTF8.self)
            throw ConditionNotReached(description: "\(self): \(error)\n\(said)")
        }
    }

    /// Starts the programme with its output going to open files.
    package func start(output: FileHandle, errors: FileHandle) throws -> RunningProcess {
        let input = try FileHandle(forReadingFrom: URL(filePath: inputPath ?? "/dev/null"))
        defer { try? input.close() }
        return try RunningProcess(
            try locate(),
            arguments,
            environment: environment,
            descriptors: [input, output, errors].map(\.fileDescriptor)
        )
    }

    private func locate() throws -> String {
        guard !program.contains("/") else { return program }
        for folder in (environment["PATH"] ?? "").split(separator: ":") {
            let candidate = "\(folder)/\(program)"
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
        }
        throw CommandNotFound(program: program)
    }
}

extension Command: CustomStringConvertible {
    package var description: String { ([program] + arguments).joined(separator: " ") }
}

/// A programme that is in no folder of `PATH`.
package struct CommandNotFound: Error {
    package let program: String
}

/// What a command printed and how it ended.
package struct CommandOutcome: Sendable {
    package let command: Command
    /// The exit status, or 128 plus the signal's number.
    package let status: Int32
    package let output: [UInt8]
    package let errors: String

    /// Standard output as text, without the white space around it.
    package var text: String {
        String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Standard output line by line.
    package var lines: [String] {
        text.split(separator: "\n").map(String.init)
    }

    /// - Throws: ``Failure`` unless the command ended with 0.
    @discardableResult
    package func requireSuccess() throws -> CommandOutcome {
        guard status == 0 else { throw Failure(outcome: self) }
        return self
    }

    /// A command that ended with something other than 0.
    package struct Failure: Error, CustomStringConvertible {
        package let outcome: CommandOutcome

        package var description: String {
            "\(outcome.command) ended with \(outcome.status)\n\(outcome.errors.suffix(4000))"
        }
    }
}

/// A file without a name that takes what a child prints, however much that is.
private struct CaptureFile {
    let handle: FileHandle

    init() throws {
        let name = "firn-output-\(UInt64.random(in: 0...UInt64.max))"
        let url = URL(filePath: NSTemporaryDirectory()).appending(path: name)
        try Data().write(to: url)
        handle = try FileHandle(forUpdating: url)
        try FileManager.default.removeItem(at: url)
    }

    func contents() throws -> [UInt8] {
        try handle.seek(toOffset: 0)
        return [UInt8](try handle.readToEnd() ?? Data())
    }
}
