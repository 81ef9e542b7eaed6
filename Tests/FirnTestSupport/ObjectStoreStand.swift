// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A store of buckets on this machine: SeaweedFS, with a user and buckets.
package struct ObjectStoreStand: Sendable {
    @TaskLocal package static var current: ObjectStoreStand?

    package static let accessKey = "firn-access-key"
    package static let secretKey = "firn-secret-key"
    /// A user who may only read.
    package static let readerKey = "reader-access-key"
    package static let readerSecret = "reader-secret-key"

    package let port: UInt16
    package let process: RunningProcess

    package var endpoint: String { "http://127.0.0.1:\(port)" }

    /// The variables that name the user.
    package var environment: [String: String] {
        [
            "AWS_ACCESS_KEY_ID": Self.accessKey, "AWS_SECRET_ACCESS_KEY": Self.secretKey,
            "AWS_EC2_METADATA_DISABLED": "true",
        ]
    }

    /// Why there is none, if there is none: for tests that are left out then.
    package static var whatIsMissing: String? {
        programme == nil ? "scripts/s3-servers made no \(folder)/bin/weed" : nil
    }

    /// One bucket for all, which everybody may read: this store keeps several files for each.
    package static let bucket = "firn-tests"

    /// A signed request, by a programme that is not ours.
    package func ask(
        _ method: String,
        _ target: String,
        _ more: [String] = []
    ) async throws
        -> CommandOutcome
    {
        try await Command(
            "curl",
            [
                "--silent", "--show-error", "--fail", "--request", method,
                "--user", "\(Self.accessKey):\(Self.secretKey)",
                "--aws-sigv4", "aws:amz:us-east-1:s3",
            ] + more + ["\(endpoint)\(target)"]
        ).run(deadline: .seconds(60))
    }

    /// The location of a depot in a bucket.
    package func location(of bucket: String, prefix: String = "", more: String = "") -> String {
        let place = prefix.isEmpty ? bucket : "\(bucket)/\(prefix)"
        return "s3://\(place)?endpoint=\(endpoint)&region=us-east-1\(more)"
    }

    fileprivate static var folder: String {
        let environment = ProcessInfo.processInfo.environment
        let home = environment["HOME"] ?? "/root"
        let caches = environment["XDG_CACHE_HOME"] ?? "\(home)/.cache"
        return environment["FIRN_S3_SERVERS"] ?? "\(caches)/firn/s3-servers"
    }

    private static var programme: String? {
        let path = "\(folder)/bin/weed"
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }

    /// Runs one for the time of the body.
    package static func run<Value>(
        in directory: TemporaryDirectory,
        _ body: (ObjectStoreStand) async throws -> Value
    ) async throws -> Value {
        guard let programme else { throw CommandNotFound(program: "weed") }
        let users = """
            {"identities": [
              {"name": "firn", "actions": ["Admin", "Read", "Write", "List"],
               "credentials": [{"accessKey": "\(accessKey)", "secretKey": "\(secretKey)"}]},
              {"name": "reader", "actions": ["Read", "List"],
               "credentials": [{"accessKey": "\(readerKey)", "secretKey": "\(readerSecret)"}]},
              {"name": "anonymous", "actions": ["Read"]}
            ]}
            """
        let config = try directory.write(users, to: "users.json", mode: 0o600)
        let data = try directory.makeDirectory("weed")
        let ports = try freePorts(8)
        let logPath = try directory.write("", to: "weed.log")
        let log = try FileHandle(forUpdating: URL(filePath: logPath))
        let arguments = [
            "server", "-dir=\(data)", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
            "-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=100",
            "-master.port=\(ports[0])", "-master.port.grpc=\(ports[1])",
            "-volume.port=\(ports[2])", "-volume.port.grpc=\(ports[3])",
            "-filer.port=\(ports[4])", "-filer.port.grpc=\(ports[5])",
            "-s3.port=\(ports[6])", "-s3.port.grpc=\(ports[7])", "-s3.config=\(config)",
            "-s3.port.iceberg=0", "-s3.port.lance=0",
        ]
        let process = try Command(programme, arguments).start(output: log, errors: log)
        let stand = ObjectStoreStand(port: ports[6], process: process)
        do {
            try await wait(for: "SeaweedFS", within: .seconds(60)) {
                guard process.exitStatus == nil else {
                    let text = try String(contentsOfFile: logPath, encoding: .utf8)
                    throw ConditionNotReached(description: "SeaweedFS: \(text.suffix(2000))")
                }
                return try await stand.ask("PUT", "/\(bucket)").status == 0
            }
            let value = try await body(stand)
            try await end(process)
            return value
        } catch {
            try? await end(process)
            throw error
        }
    }

    /// All at once, so that no two are the same; they are let go when this returns.
    private static func freePorts(_ count: Int) throws -> [UInt16] {
        let sockets = try (0..<count).map { _ in try ListeningSocket() }
        return sockets.map(\.port)
    }

    private static func end(_ process: RunningProcess) async throws {
        process.send(signal: SIGKILL)
        _ = try await process.exitStatus(within: .seconds(30))
    }
}
