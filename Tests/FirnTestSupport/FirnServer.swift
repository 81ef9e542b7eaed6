// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A running `firn serve`.
package struct FirnServer: Sendable {
    package let process: RunningProcess
    /// The first port it listens on; 0 when it has unix sockets only.
    package let port: UInt16
    /// Its configuration file, for a test that changes it.
    package let configurationPath: String
    /// Its folder of keys, catalog and depot.
    package let state: String
    let logPath: String
    let scheme: String
    let setup: ServerSetup
    let directory: TemporaryDirectory

    /// As a client writes it.
    package var url: String { "\(scheme)://127.0.0.1:\(port)" }

    /// All it has printed so far.
    package var log: String {
        (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? ""
    }

    /// Sends one request on a connection of its own.
    package func ask(_ request: HTTPRequest) async throws -> HTTPAnswer {
        let port = port
        return try await onOwnThread {
            try HTTPConnection(StreamSocket.connect(port: port)).ask(request)
        }
    }

    /// Gets a target.
    package func get(
        _ target: String,
        fields: [(name: String, value: String)] = []
    ) async throws -> HTTPAnswer {
        try await ask(HTTPRequest(target, fields: fields))
    }

    /// Sends whatever bytes, and reads until the server closes or has answered once.
    ///
    /// - Returns: `nil` when the connection was closed without an answer.
    package func send(_ bytes: [UInt8]) async throws -> HTTPAnswer? {
        let port = port
        return try await onOwnThread {
            let connection = HTTPConnection(try StreamSocket.connect(port: port))
            do {
                try connection.socket.write(bytes)
            } catch let failure as StreamSocket.Failure where failure.isReset {
                // It may have answered before it stopped reading.
            }
            do {
                return try connection.readAnswer()
            } catch is HTTPConnection.NoAnswer {
                return nil
            }
        }
    }

    /// Does blocking work with one connection, on a thread of its own.
    package func onConnection<Value: Sendable>(
        receiveBufferBytes: Int32? = nil,
        _ work: @escaping @Sendable (HTTPConnection) throws -> Value
    ) async throws -> Value {
        let port = port
        return try await onOwnThread {
            let socket = try StreamSocket.connect(
                port: port,
                receiveBufferBytes: receiveBufferBytes
            )
            return try work(HTTPConnection(socket))
        }
    }

    /// Reads the narinfo of a store path into its fields; a name's further values follow on lines.
    package func narInfo(of storePath: String) async throws -> [String: String] {
        let answer = try await get("/\(storePath.storeHash).narinfo")
        guard answer.status == 200 else { throw UnexpectedStatus(answer: answer) }
        var fields: [String: String] = [:]
        for line in answer.text.matches(of: /(\w+): (.*)/) {
            let earlier = fields[String(line.1)].map { "\($0)\n" } ?? ""
            fields[String(line.1)] = earlier + line.2
        }
        return fields
    }

    /// The status of the narinfo of a store path.
    package func narInfoStatus(of storePath: String) async throws -> Int {
        try await get("/\(storePath.storeHash).narinfo").status
    }

    /// The target of a path's NAR, as its narinfo has it.
    package func narTarget(of storePath: String) async throws -> String {
        guard let url = try await narInfo(of: storePath)["URL"] else { throw NoAddress() }
        return "/\(url)"
    }

    /// A narinfo without `URL`.
    package struct NoAddress: Error {}

    /// An answer of another status than the test needs to go on.
    package struct UnexpectedStatus: Error, CustomStringConvertible {
        package let answer: HTTPAnswer

        package var description: String { "\(answer.status): \(answer.text.prefix(500))" }
    }

    /// The programme that was built together with the tests.
    package static var programme: String {
        let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        let folder = URL(filePath: tests ?? CommandLine.arguments[0]).deletingLastPathComponent()
        return folder.appending(path: "firn").path()
    }
}

/// Starts Firn, waits until it is ready, and ends it when the body is done.
///
/// What it printed is part of the error when the body throws.
package func withServer<Value>(
    _ setup: ServerSetup,
    _ body: (FirnServer) async throws -> Value
) async throws -> Value {
    try await withTemporaryDirectory { directory in
        let server = try await FirnServer.start(setup, in: directory)
        do {
            let value = try await body(server)
            try await server.stop()
            return value
        } catch {
            try? await server.stop()
            throw FirnServer.Trouble(cause: error, log: server.log)
        }
    }
}

extension FirnServer {
    /// An error and what Firn had to say about it.
    package struct Trouble: Error, CustomStringConvertible {
        package let cause: any Error
        package let log: String

        package init(cause: any Error, log: String) {
            self.cause = cause
            self.log = log
        }

        package var description: String { "\(cause)\n--- firn said ---\n\(log.suffix(6000))" }
    }

    static func start(
        _ setup: ServerSetup,
        in directory: TemporaryDirectory
    ) async throws -> FirnServer {
        let logPath = try directory.write("", to: "firn.log")
        let state = setup.state ?? directory.path("state")
        let configuration = setup.configuration(state: state)
        let configurationPath = try directory.write(configuration, to: "firn.toml")
        let log = try FileHandle(forUpdating: URL(filePath: logPath))
        let command = setup.command(configurationPath: configurationPath, directory: directory)
        let process = try command.start(output: log, errors: log)
        do {
            let port = try await setup.readyPort(of: process, logPath: logPath)
            return FirnServer(
                process: process,
                port: port,
                configurationPath: configurationPath,
                state: state,
                logPath: logPath,
                scheme: setup.scheme,
                setup: setup,
                directory: directory
            )
        } catch {
            process.send(signal: SIGKILL)
            let log = (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? ""
            throw Trouble(cause: error, log: log)
        }
    }

    /// Ends it as a power cut does.
    package func kill() async throws {
        process.send(signal: SIGKILL)
        _ = try await process.exitStatus(within: .seconds(5))
    }

    /// Starts it again as it was, when it has ended; to be stopped.
    package func restarted() async throws -> FirnServer {
        try await FirnServer.start(setup, in: directory)
    }

    /// Ends it as a service manager does, and by force where that does not help.
    ///
    /// - Throws: ``ConditionNotReached`` when it had to be killed.
    package func stop() async throws {
        process.send(signal: SIGTERM)
        do {
            _ = try await process.exitStatus(within: .seconds(45))
        } catch {
            process.send(signal: SIGKILL)
            throw error
        }
    }
}

extension ServerSetup {
    fileprivate func command(
        configurationPath: String,
        directory: TemporaryDirectory
    ) -> Command {
        var environment = Command.plainEnvironment
        environment["HOME"] = directory.path
        environment["STATE"] = directory.path("state")
        environment.merge(self.environment) { $1 }
        let serve = ["serve", "--config", configurationPath]
        guard let launcher else {
            return Command(FirnServer.programme, serve, environment: environment)
        }
        let shell = ["/bin/sh", "-ec", launcher, "sh", FirnServer.programme] + serve
        let words = hasOwnMounts ? ["unshare", "--mount"] + shell : shell
        return Command(words[0], Array(words.dropFirst()), environment: environment)
    }

    /// Waits until it says that it listens and answers that it is ready.
    fileprivate func readyPort(of process: RunningProcess, logPath: String) async throws -> UInt16 {
        var port: UInt16 = 0
        try await wait(for: "line with the address", within: .seconds(30)) {
            if let status = process.exitStatus { throw EndedEarly(status: status) }
            let log = try String(contentsOfFile: logPath, encoding: .utf8)
            if listen.allSatisfy({ $0.hasPrefix("unix:") }) { return log.contains("unix:") }
            let ports = log.matches(of: /127\.0\.0\.1:([0-9]+)/).compactMap { UInt16($0.1) }
            port = ports.first { $0 != 0 } ?? 0
            return port != 0
        }
        guard port != 0, scheme == "http" else { return port }
        let address = port
        let probe = HTTPRequest(readinessTarget)
        try await wait(for: "answer to \(probe.target)", within: .seconds(30)) {
            if let status = process.exitStatus { throw EndedEarly(status: status) }
            let answer = try? await onOwnThread {
                try HTTPConnection(StreamSocket.connect(port: address)).ask(probe)
            }
            return answer?.status == 200
        }
        return port
    }

    /// Firn ended before it was ready.
    package struct EndedEarly: Error {
        package let status: Int32
    }
}
