// SPDX-License-Identifier: Apache-2.0
import Glibc
import Subprocess
import SystemPackage

/// A programme of this machine that is run and waited for: ssh, or one of Nix's.
package struct LocalCommand: Sendable {
    /// Why there is no answer.
    package enum Failure: Error, Hashable, Sendable {
        case notStarted(program: String, reason: String)
        case timedOut(program: String, after: Duration)
    }

    /// The programme, found in `PATH`, and its arguments.
    package var words: [String]
    package var input: [UInt8] = []
    /// Laid over what this process has; `nil` takes a variable away.
    package var environment: [String: String?] = [:]
    package var folder: String?
    package var deadline: Duration
    /// What is kept of standard output, from its end.
    package var outputLimit = 4 << 20
    /// What is kept of standard error, from its end.
    package var errorLimit = 256 << 10
    package var onLine: (@Sendable (RemoteLine) -> Void)?

    package init(_ words: [String], deadline: Duration) {
        self.words = words
        self.deadline = deadline
    }

    /// Whoever reads from us may end before all is written; that is an error, not an end of ours.
    private static let ignoresBrokenPipes: Void = { signal(SIGPIPE, SIG_IGN) }()

    /// Runs it; when the caller is cancelled or the deadline passes, it is told to end, then killed.
    ///
    /// - Throws: ``Failure``, or `CancellationError`.
    package func run() async throws -> RemoteAnswer {
        Self.ignoresBrokenPipes
        return try await withThrowingTaskGroup(of: RemoteAnswer?.self) { group in
            group.addTask { try await start() }
            group.addTask {
                try await Task.sleep(for: deadline)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let answer = first else {
                throw Failure.timedOut(program: program, after: deadline)
            }
            try Task.checkCancellation()
            return answer
        }
    }

    private var program: String { words.first ?? "" }

    private func start() async throws -> RemoteAnswer {
        var options = PlatformOptions()
        // In a session of its own, Ctrl-C ends it by way of us, who then can say what it came to.
        options.createSession = true
        options.teardownSequence = [
            .gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .seconds(3))
        ]
        let added = environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) }
        do {
            let result = try await Subprocess.run(
                program.contains("/") ? .path(FilePath(program)) : .name(program),
                arguments: Arguments(Array(words.dropFirst())),
                environment: .inherit.updating(Dictionary(added) { first, _ in first }),
                workingDirectory: folder.map { FilePath($0) },
                platformOptions: options,
                input: .inputWriter,
                output: .sequence,
                error: .sequence
            ) { execution in
                try await exchange(
                    execution.standardInputWriter,
                    execution.standardOutput,
                    execution.standardError
                )
            }
            let (output, errors) = result.closureResult
            return RemoteAnswer(
                exitCode: Self.code(of: result.terminationStatus),
                output: output,
                errors: errors
            )
        } catch let error as SubprocessError {
            try Task.checkCancellation()
            throw Failure.notStarted(program: program, reason: Self.reason(error))
        }
    }

    private static func reason(_ error: SubprocessError) -> String {
        if error.code == .executableNotFound { return "it is not in $PATH" }
        return error.underlyingError?.description.lowercased() ?? "\(error)"
    }

    private func exchange(
        _ writer: StandardInputWriter,
        _ output: SubprocessOutputSequence,
        _ errors: SubprocessOutputSequence
    ) async throws -> ([UInt8], [UInt8]) {
        async let kept = collect(output, .output, outputLimit)
        async let said = collect(errors, .error, errorLimit)
        // A programme that ends early leaves some of its input behind, and its exit code tells more.
        if !input.isEmpty { _ = try? await writer.write(input) }
        try? await writer.finish()
        return (try await kept, try await said)
    }

    private func collect(
        _ sequence: SubprocessOutputSequence,
        _ stream: RemoteLine.Stream,
        _ limit: Int
    ) async throws -> [UInt8] {
        var tail = OutputTail(limit: limit)
        for try await buffer in sequence {
            let bytes = unsafe buffer.withUnsafeBytes { unsafe Array($0) }
            for line in tail.append(bytes) where onLine != nil {
                onLine?(RemoteLine(stream: stream, text: line))
            }
        }
        if let line = tail.rest { onLine?(RemoteLine(stream: stream, text: line)) }
        return tail.bytes
    }

    private static func code(of status: TerminationStatus) -> Int32 {
        switch status {
        case .exited(let code): Int32(code)
        case .signaled(let signal): 128 + Int32(signal)
        }
    }
}

extension LocalCommand.Failure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notStarted(let program, let reason): "\(program) could not be run: \(reason)"
        case .timedOut(let program, let time):
            "\(program) did not end within \(time.components.seconds) s"
        }
    }
}

/// The last bytes of a stream, and its lines as they come.
struct OutputTail {
    /// No line that a person reads is longer; what is beyond is another line.
    private static let longestLineBytes = 64 << 10

    private let limit: Int
    private var kept: [UInt8] = []
    private var line: [UInt8] = []

    init(limit: Int) { self.limit = limit }

    var bytes: [UInt8] { Array(kept.suffix(limit)) }

    /// What follows the last line break, if anything does.
    var rest: String? { line.isEmpty ? nil : String(decoding: line, as: UTF8.self) }

    /// - Returns: The lines that these bytes bring to their end.
    mutating func append(_ bytes: [UInt8]) -> [String] {
        kept += bytes
        // Not at each call, so that the bytes are not moved again and again.
        if kept.count > 2 * limit { kept.removeFirst(kept.count - limit) }
        var lines: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") || line.count >= Self.longestLineBytes {
                if line.last == UInt8(ascii: "\r") { line.removeLast() }
                lines.append(String(decoding: line, as: UTF8.self))
                line.removeAll(keepingCapacity: true)
            }
            if byte != UInt8(ascii: "\n") { line.append(byte) }
        }
        return lines
    }
}
