// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
package import Fleet
import Foundation

/// A ``Fleet/RemoteShell`` into a machine of a ``NamespaceFleet``: by ssh from another one, or directly.
package struct HostShell: RemoteShell {
    private let host: NamespaceHost
    private let deployer: NamespaceHost?
    private let user: String
    /// Called before each request with what it runs; what it throws becomes of the request.
    package var onRequest: @Sendable (RemoteRequest) async throws -> Void = { _ in }

    /// Reaches the host by ssh from `deployer`, or directly without one.
    package init(
        to host: NamespaceHost,
        from deployer: NamespaceHost? = nil,
        as user: String = "root"
    ) {
        self.host = host
        self.deployer = deployer
        self.user = user
    }

    package var hostName: String { host.name }

    package func run(_ request: RemoteRequest) async throws -> RemoteAnswer {
        try await onRequest(request)
        return try await withTemporaryDirectory { directory in
            let input = directory.path("input")
            try Data(request.input).write(to: URL(filePath: input))
            var command = try self.command(request.words)
            command.inputPath = input
            return try await run(command, request, in: directory)
        }
    }

    private func command(_ words: [String]) throws -> Command {
        guard let deployer else { return try host.command(words[0], Array(words.dropFirst())) }
        let quoted = words.map { "'" + $0.replacing("'", with: "'\\''") + "'" }
        return try deployer.command(
            "ssh",
            ["-T", "-oBatchMode=yes", "-oConnectTimeout=20", "-oServerAliveInterval=5"]
                + ["-oServerAliveCountMax=4", "\(user)@\(host.name)"]
                + [quoted.joined(separator: " ")]
        )
    }

    private func run(
        _ command: Command,
        _ request: RemoteRequest,
        in directory: TemporaryDirectory
    ) async throws -> RemoteAnswer {
        var output = try Tail(directory.path("output"), .output)
        var errors = try Tail(directory.path("errors"), .error)
        let process = try command.start(output: output.handle, errors: errors.handle)
        let end = ContinuousClock.now + request.deadline
        do {
            while process.exitStatus == nil {
                guard ContinuousClock.now < end else {
                    throw RemoteFailure.timedOut(after: request.deadline)
                }
                try await Task.sleep(for: .milliseconds(20))
                try output.report(to: request.onLine)
                try errors.report(to: request.onLine)
            }
        } catch {
            process.send(signal: SIGKILL)
            throw error
        }
        try output.report(to: request.onLine)
        try errors.report(to: request.onLine)
        let said = String(decoding: errors.bytes, as: UTF8.self)
        if deployer != nil, process.exitStatus == 255 {
            let hasBegun = [
                "losed by remote host", "Broken pipe", "not responding", "reset by peer",
            ]
            .contains { said.contains($0) }
            if hasBegun { throw RemoteFailure.brokenOff(said) }
            // Where a test does not expect it, this tells why.
            let log = try? await host.command("tail", ["-n", "5", "/run/sshd.log"])
                .run(deadline: .seconds(10))
            throw RemoteFailure.unreachable(said + (log?.text ?? ""))
        }
        return RemoteAnswer(
            exitCode: process.exitStatus ?? -1,
            output: output.bytes,
            errors: errors.bytes
        )
    }

    /// What a process writes to a file, as it comes.
    private struct Tail {
        let handle: FileHandle
        private let reader: FileHandle
        private let stream: RemoteLine.Stream
        private(set) var bytes: [UInt8] = []
        private var reported = 0

        init(_ path: String, _ stream: RemoteLine.Stream) throws {
            try Data().write(to: URL(filePath: path))
            handle = try FileHandle(forWritingTo: URL(filePath: path))
            reader = try FileHandle(forReadingFrom: URL(filePath: path))
            self.stream = stream
        }

        mutating func report(to onLine: (@Sendable (RemoteLine) -> Void)?) throws {
            bytes += [UInt8](try reader.readToEnd() ?? Data())
            while let end = bytes[reported...].firstIndex(of: 0x0A) {
                let text = String(decoding: bytes[reported..<end], as: UTF8.self)
                reported = end + 1
                onLine?(RemoteLine(stream: stream, text: text))
            }
        }
    }
}
