// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// A Firn with other caches behind it, in a state folder of its own.
struct TieredFirn: Sendable {
    /// Another cache.
    struct Tier {
        var name = "origin"
        let url: String
        /// `nil` takes what it says without a signature.
        var publicKey: String?

        var text: String {
            let trust = publicKey.map { "public-keys = [\"\($0)\"]" } ?? "trust = \"none\""
            return "[[tier]]\nname = \"\(name)\"\nurls = [\"\(url)\"]\n\(trust)\n"
        }
    }

    /// How it is started.
    struct Setup {
        let storeRoot: String
        var tiers: [Tier] = []
        var hasDepot = true

        fileprivate func text(port: UInt16, state: String) -> String {
            """
            [server]
            listen = ["127.0.0.1:\(port)"]
            state = "\(state)"

            [store]
            root = "\(storeRoot)"

            [depot]
            \(hasDepot ? "max-size = \"100GB\"" : "location = \"none\"")

            \(tiers.map(\.text).joined(separator: "\n"))
            """
        }
    }

    let process: RunningProcess
    let port: UInt16
    let directory: TemporaryDirectory
    /// From just before it was started until it answered that it is ready.
    let timeToReady: Duration

    var url: String { "http://127.0.0.1:\(port)" }
    var depot: String { directory.path("state/depot") }

    /// The most memory that was resident at a time.
    var peakResidentBytes: Int {
        let path = "/proc/\(process.identifier)/status"
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        return text.firstMatch(of: /VmHWM:\s+(\d+) kB/).flatMap { Int($0.1) }.map { $0 * 1024 } ?? 0
    }

    /// Runs one that knows nothing yet for the time of the body.
    static func run<Value>(
        _ setup: Setup,
        _ body: (TieredFirn) async throws -> Value
    ) async throws -> Value {
        try await withTemporaryDirectory { directory in
            let firn = try await start(setup, in: directory)
            let result: Result<Value, any Error>
            do { result = .success(try await body(firn)) } catch { result = .failure(error) }
            try await firn.kill()
            if case .failure = result { progress(firn.log.suffix(4000).description) }
            return try result.get()
        }
    }

    /// Starts one in a folder that may have its state already.
    static func start(
        _ setup: Setup,
        in directory: TemporaryDirectory
    ) async throws -> TieredFirn {
        let port = try ListeningSocket().port
        let text = setup.text(port: port, state: directory.path("state"))
        let file = try directory.write(text, to: "firn.toml")
        let output = try FileHandle(
            forUpdating: URL(filePath: try directory.write("", to: "firn.log"))
        )
        var environment = Command.plainEnvironment
        environment["HOME"] = directory.path
        let start = ContinuousClock.now
        let process = try Command(
            FirnServer.programme,
            ["serve", "--config", file],
            environment: environment
        ).start(output: output, errors: output)
        do {
            try await onOwnThread {
                while !isReady(port: port) {
                    guard process.exitStatus == nil, ContinuousClock.now < start + .seconds(60)
                    else { throw NotReady() }
                    usleep(1_000)
                }
            }
        } catch {
            process.send(signal: SIGKILL)
            let said = try? String(contentsOfFile: directory.path("firn.log"), encoding: .utf8)
            progress(said ?? "")
            throw error
        }
        let time = ContinuousClock.now - start
        return TieredFirn(process: process, port: port, directory: directory, timeToReady: time)
    }

    /// It ended, or took too long.
    struct NotReady: Error {}

    func kill() async throws {
        process.send(signal: SIGKILL)
        _ = try await process.exitStatus(within: .seconds(10))
    }

    private var log: String {
        (try? String(contentsOfFile: directory.path("firn.log"), encoding: .utf8)) ?? ""
    }

    private static func isReady(port: UInt16) -> Bool {
        guard let socket = try? StreamSocket.connect(port: port) else { return false }
        return (try? HTTPConnection(socket).ask(HTTPRequest("/readyz")))?.status == 200
    }
}

/// Gets targets over one connection and reads their texts.
func getTexts(_ targets: [String], port: UInt16) async throws -> [String] {
    try await onOwnThread {
        let connection = HTTPConnection(try StreamSocket.connect(port: port))
        return try targets.map { target in
            let answer = try connection.ask(HTTPRequest(target))
            guard answer.status == 200 else {
                throw Downloader.UselessAnswer(description: "\(target): \(answer.status)")
            }
            return answer.text
        }
    }
}

extension String {
    /// The value of a field of a narinfo.
    func narInfoField(_ name: String) -> String? {
        split(separator: "\n").first { $0.hasPrefix("\(name): ") }
            .map { String($0.dropFirst(name.count + 2)) }
    }
}
