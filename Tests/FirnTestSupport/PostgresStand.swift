// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// A PostgreSQL on this machine, with databases to be made in it.
///
/// It reads and compares texts as people do, not byte by byte: so whatever relies on an order has to ask
/// for it.
package final class PostgresStand: Sendable {
    @TaskLocal package static var current: PostgresStand?

    /// Of the role that owns everything, and of one that may only have two connections.
    package static let role = "firn"
    package static let password = "a secret of the tests"

    package let port: UInt16
    private let programmes: String
    private let folder: TemporaryDirectory
    private let options: [String]
    private let process = Mutex<RunningProcess?>(nil)
    private let databases = Mutex(0)

    private var socketFolder: String { folder.path("socket") }
    private var dataFolder: String { folder.path("data") }
    private var logPath: String { folder.path("log") }

    private init(_ programmes: String, in folder: TemporaryDirectory, options: [String]) throws {
        self.programmes = programmes
        self.folder = folder
        self.options = options
        port = try ListeningSocket().port
    }

    /// Why there is none, if there is none: for tests that are left out then.
    package static var whatIsMissing: String? {
        programmes == nil ? "Debian's package postgresql is not installed" : nil
    }

    private static var programmes: String? {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return versions.compactMap { Int($0) }.sorted().reversed().map { "\(root)/\($0)/bin" }
            .first { FileManager.default.isExecutableFile(atPath: "\($0)/postgres") }
    }

    /// The URL of a database, over the unix socket; whoever can reach it is admitted.
    package func url(of database: String) -> String {
        "postgresql://\(Self.role)@/\(database)?host=\(socketFolder)&port=\(port)"
    }

    /// The same over TCP, where a password is asked for.
    package func tcpURL(
        of database: String,
        role: String = role,
        port: UInt16? = nil,
        more: String = ""
    ) -> String {
        "postgresql://\(role)@127.0.0.1:\(port ?? self.port)/\(database)" + more
    }

    /// What `passfile` names.
    package static func passwordFile(_ password: String = password) -> String {
        "*:*:*:*:\(password)\n"
    }

    /// Makes an empty database and returns its name.
    package func makeDatabase() async throws -> String {
        let number = databases.withLock { count in
            count += 1
            return count
        }
        try await run("CREATE DATABASE test\(number)", in: "postgres")
        return "test\(number)"
    }

    /// Has statements run by PostgreSQL's own client.
    @discardableResult
    package func run(
        _ statements: String,
        in database: String,
        deadline: Duration = .seconds(60)
    ) async throws -> String {
        let outcome = try await Command(
            "\(programmes)/psql",
            ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statements, url(of: database)]
        ).run(deadline: deadline)
        return try outcome.requireSuccess().text
    }

    /// Runs one for the time of the body.
    ///
    /// `options`: More of its settings, `name=value`.
    package static func run<Value>(
        options: [String] = [],
        _ body: (PostgresStand) async throws -> Value
    ) async throws -> Value {
        guard let programmes else { throw CommandNotFound(program: "postgres") }
        return try await withTemporaryDirectory { folder in
            let stand = try PostgresStand(programmes, in: folder, options: options)
            do {
                try await stand.prepare()
                try await stand.start()
                let value = try await body(stand)
                try await stand.stop()
                return value
            } catch {
                try? await stand.stop()
                throw error
            }
        }
    }

    private func prepare() async throws {
        for path in [folder.path, dataFolder, socketFolder] {
            try FileManager.default
                .createDirectory(atPath: path, withIntermediateDirectories: true)
            try await Command("chown", [Self.user, path]).run(deadline: .seconds(30))
                .requireSuccess()
        }
        let password = try folder.write(Self.password, to: "password", mode: 0o644)
        try await asServer(
            "\(programmes)/initdb",
            [
                "-D", dataFolder, "-U", Self.role, "-E", "UTF8", "--no-sync",
                "--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile=\(password)",
                "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US",
            ]
        ).run(deadline: .seconds(120)).requireSuccess()
    }

    /// Starts it, or starts it again.
    package func start() async throws {
        let log = try logFile()
        let started = try asServer("\(programmes)/postgres", ["-D", dataFolder] + settings)
            .start(output: log, errors: log)
        process.withLock { $0 = started }
        try await wait(for: "PostgreSQL", within: .seconds(60)) {
            guard started.exitStatus == nil else {
                let text = try String(contentsOfFile: logPath, encoding: .utf8)
                throw ConditionNotReached(description: "PostgreSQL: \(text.suffix(2000))")
            }
            return (try? await run("SELECT 1", in: "postgres")) == "1"
        }
    }

    private var settings: [String] {
        let settings = [
            "listen_addresses=127.0.0.1", "port=\(port)", "unix_socket_directories=\(socketFolder)",
            "fsync=off", "full_page_writes=off", "max_connections=100", "shared_buffers=32MB",
        ]
        return (settings + options).flatMap { ["-c", $0] }
    }

    private func logFile() throws -> FileHandle {
        if !FileManager.default.fileExists(atPath: logPath) { try folder.write("", to: "log") }
        let file = try FileHandle(forUpdating: URL(filePath: logPath))
        try file.seekToEnd()
        return file
    }

    /// Ends it as a crash would, without a word to whoever is connected; the next start recovers.
    package func stop() async throws {
        guard let running = process.withLock({ $0 }) else { return }
        running.send(signal: SIGQUIT)
        _ = try await running.exitStatus(within: .seconds(60))
    }

    /// PostgreSQL does not run as root.
    private func asServer(_ programme: String, _ arguments: [String]) -> Command {
        guard getuid() == 0 else { return Command(programme, arguments) }
        let user = [
            "--reuid=\(Self.user)", "--regid=\(Self.user)", "--clear-groups", "--reset-env",
        ]
        return Command("setpriv", user + [programme] + arguments)
    }

    private static var user: String { getuid() == 0 ? "postgres" : "\(getuid())" }
}

/// PgBouncer in front of it, which hands each transaction to another connection.
package struct PoolerStand: Sendable {
    package let port: UInt16

    /// Why there is none, if there is none: for tests that are left out then.
    package static var whatIsMissing: String? {
        FileManager.default.isExecutableFile(atPath: programme)
            ? PostgresStand.whatIsMissing : "Debian's package pgbouncer is not installed"
    }

    private static let programme = "/usr/sbin/pgbouncer"

    /// The URL of a database behind it.
    package func url(of database: String) -> String {
        "postgresql://\(PostgresStand.role)@127.0.0.1:\(port)/\(database)"
    }

    /// Runs one for the time of the body.
    package static func run<Value>(
        before server: PostgresStand,
        _ body: (PoolerStand) async throws -> Value
    ) async throws -> Value {
        try await withTemporaryDirectory { directory in
            let port = try ListeningSocket().port
            let password = "\"\(PostgresStand.role)\" \"\(PostgresStand.password)\"\n"
            let users = try directory.write(password, to: "users", mode: 0o644)
            let settings = try directory.write(
                """
                [databases]
                * = host=127.0.0.1 port=\(server.port)
                [pgbouncer]
                listen_addr = 127.0.0.1
                listen_port = \(port)
                unix_socket_dir =
                auth_type = trust
                auth_file = \(users)
                pool_mode = transaction
                default_pool_size = 3
                server_reset_query_always = 1
                """,
                to: "pgbouncer.ini"
            )
            let logPath = try directory.write("", to: "log", mode: 0o666)
            let log = try FileHandle(forUpdating: URL(filePath: logPath))
            let user = getuid() == 0 ? ["-u", "postgres"] : []
            let process = try Command(programme, user + [settings]).start(output: log, errors: log)
            do {
                try await wait(for: "PgBouncer", within: .seconds(60)) {
                    guard process.exitStatus == nil else {
                        let text = try String(contentsOfFile: logPath, encoding: .utf8)
                        throw ConditionNotReached(description: "PgBouncer: \(text.suffix(2000))")
                    }
                    return (try? StreamSocket.connect(port: port)) != nil
                }
                let value = try await body(PoolerStand(port: port))
                process.send(signal: SIGKILL)
                _ = try await process.exitStatus(within: .seconds(30))
                return value
            } catch {
                process.send(signal: SIGKILL)
                throw error
            }
        }
    }
}
