// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// The closure laid out for nginx: the same narinfos as Firn's, the NARs as ready-made files.
struct NginxSite {
    /// What it serves, and where its own files are.
    let folder: String
    /// Whether it writes a line for each request to ``logPath``.
    var keepsLog = false

    var logPath: String { "\(folder)/access.log" }

    /// A running nginx.
    struct Address {
        let port: UInt16

        /// What a client calls a cache that offers this form.
        func url(_ form: ClosureFiles.Form) -> String {
            "http://127.0.0.1:\(port)/\(form.rawValue)"
        }
    }

    static func lay(
        out files: ClosureFiles,
        like servers: [ClosureFiles.Form: FirnServer],
        in directory: TemporaryDirectory
    ) async throws -> NginxSite {
        let folder = try directory.makeDirectory("nginx")
        for (form, server) in servers {
            let site = try directory.makeDirectory("nginx/\(form.rawValue)")
            try FileManager.default.createSymbolicLink(
                atPath: "\(site)/nar",
                withDestinationPath: files.folder
            )
            let cacheInfo = try await server.get("/nix-cache-info")
            try Data(cacheInfo.body).write(to: URL(filePath: "\(site)/nix-cache-info"))
            for path in files.paths {
                let text = try await narInfo(of: path, form, like: server)
                let file = "\(site)/\(path.storePath.storeHash).narinfo"
                try Data(text.utf8).write(to: URL(filePath: file))
            }
        }
        return NginxSite(folder: folder)
    }

    /// Firn's own, with the file that nginx has in place of Firn's.
    private static func narInfo(
        of path: ClosureFiles.Path,
        _ form: ClosureFiles.Form,
        like server: FirnServer
    ) async throws -> String {
        let answer = try await server.get("/\(path.storePath.storeHash).narinfo")
        let replaced = ["URL:", "Compression:", "FileHash:", "FileSize:"]
        let kept = answer.text.split(separator: "\n").filter { line in
            !replaced.contains { line.hasPrefix($0) }
        }
        let own = [
            "URL: nar/\(path.fileName(form))",
            "Compression: \(form == .identity ? "none" : "zstd")",
            "FileSize: \(path.sizeBytes(form))",
        ]
        return (kept.prefix(1).map(String.init) + own + kept.dropFirst().map(String.init))
            .map { "\($0)\n" }.joined()
    }

    /// Runs nginx for the time of the body.
    func serve<Value>(_ body: (Address) async throws -> Value) async throws -> Value {
        let port = try ListeningSocket().port
        try Data(configuration(port: port).utf8).write(to: URL(filePath: "\(folder)/nginx.conf"))
        let log = FileHandle.standardError
        let command = Command("nginx", ["-c", "\(folder)/nginx.conf", "-e", "stderr"])
        let process = try command.start(output: log, errors: log)
        do {
            try await wait(for: "nginx") {
                if process.exitStatus != nil { throw NginxEnded() }
                return (try? StreamSocket.connect(port: port)) != nil
            }
            let value = try await body(Address(port: port))
            process.send(signal: SIGTERM)
            _ = try await process.exitStatus(within: .seconds(10))
            return value
        } catch {
            process.send(signal: SIGTERM)
            throw error
        }
    }

    /// nginx did not start; it has said why.
    private struct NginxEnded: Error {}

    private func configuration(port: UInt16) -> String {
        """
        daemon off;
        user \(NSUserName());
        pid \(folder)/pid;
        worker_processes auto;
        events { worker_connections 4096; }
        http {
            access_log \(keepsLog ? logPath : "off");
            sendfile on;
            tcp_nopush on;
            keepalive_timeout 120;
            keepalive_requests 1000000000;
            open_file_cache off;
            default_type application/x-nix-nar;
            types { text/x-nix-narinfo narinfo; }
            client_body_temp_path \(folder)/body;
            proxy_temp_path \(folder)/proxy;
            fastcgi_temp_path \(folder)/fastcgi;
            uwsgi_temp_path \(folder)/uwsgi;
            scgi_temp_path \(folder)/scgi;
            server { listen 127.0.0.1:\(port); root \(folder); }
        }

        """
    }
}
