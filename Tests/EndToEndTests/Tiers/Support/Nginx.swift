// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// Serves a folder for the time of the body, which is given the port.
func withNginx<Value>(
    serving folder: String,
    in directory: TemporaryDirectory,
    _ body: (UInt16) async throws -> Value
) async throws -> Value {
    try await withNginx(server: "root \(folder);", in: directory, body)
}

/// Runs one with these lines in its block `server`, and others beside it.
func withNginx<Value>(
    server lines: String,
    beside others: String = "",
    in directory: TemporaryDirectory,
    _ body: (UInt16) async throws -> Value
) async throws -> Value {
    let port = try ListeningSocket().port
    let home = try directory.makeDirectory("nginx")
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map { "\($0)_temp_path \(home)/\($0);" }.joined(separator: " ")
    let configuration = """
        daemon off;
        user \(NSUserName());
        pid \(home)/pid;
        events {}
        http {
            access_log off;
            default_type application/x-nix-nar;
            types { text/x-nix-narinfo narinfo; }
            \(temporary)
            \(others)
            server { listen 127.0.0.1:\(port); \(lines) }
        }

        """
    let path = try directory.write(configuration, to: "nginx/nginx.conf")
    let logPath = try directory.write("", to: "nginx/log")
    let log = try FileHandle(forUpdating: URL(filePath: logPath))
    let command = Command("nginx", ["-c", path, "-e", "stderr"])
    let process = try command.start(output: log, errors: log)
    defer { process.send(signal: SIGTERM) }
    try await wait(for: "nginx") {
        guard process.exitStatus == nil else {
            throw NginxEnded(log: String(decoding: try read(logPath), as: UTF8.self))
        }
        return (try? StreamSocket.connect(port: port)) != nil
    }
    return try await body(port)
}

/// nginx did not start.
private struct NginxEnded: Error {
    let log: String
}
