// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// What `firn doctor --json` has printed.
struct DoctorReport: Decodable {
    struct Finding: Decodable {
        var check: String
        var subject: String?
        var verdict: String
        var evidence: String
        var remedy: String?
        var fixed: String?
    }

    var failed: Int
    var findings: [Finding]
    var status: Int32 = 0

    private enum CodingKeys: CodingKey { case failed, findings }

    init(_ outcome: CommandOutcome) throws {
        // Without findings it has ended otherwise than it should.
        if outcome.status > 1 { try outcome.requireSuccess() }
        self = try JSONDecoder().decode(DoctorReport.self, from: Data(outcome.output))
        status = outcome.status
    }

    /// The findings of a check, about a subject where one is named.
    func all(_ check: String, of subject: String? = nil) -> [Finding] {
        findings.filter { $0.check == check && (subject == nil || $0.subject == subject) }
    }

    /// The one finding of a check that says this.
    func one(_ check: String, _ verdict: String, _ text: String) -> Finding? {
        findings.first {
            $0.check == check && $0.verdict == verdict && $0.evidence.contains(text)
        }
    }
}

extension UseHome {
    /// `firn doctor --json`, as this user.
    func doctor(_ arguments: [String] = [], config: String? = nil) async throws -> DoctorReport {
        let place = config.map { ["--config", $0] } ?? []
        let words = ["doctor", "--json"] + place + arguments
        var home = self
        // The machine may have a Firn of its own.
        if config == nil { home.extra["FIRN_STATE"] = directory.path("state") }
        return try DoctorReport(await home.run(FirnServer.programme, words))
    }

    /// The same from a shell script, which runs it as `"$@"`.
    func doctor(
        _ arguments: [String],
        config: String? = nil,
        in script: String,
        with variables: [String: String] = [:]
    ) async throws -> DoctorReport {
        var home = self
        if config == nil { home.extra["FIRN_STATE"] = directory.path("state") }
        home.extra.merge(variables) { $1 }
        let place = config.map { ["--config", $0] } ?? []
        let words = [FirnServer.programme, "doctor", "--json"] + place + arguments
        let shell = ["--mount", "--net", "/bin/sh", "-ec", script, "sh"]
        return try DoctorReport(await home.run("unshare", shell + words))
    }

    /// Sets who may read a file.
    func close(_ path: String, _ mode: Int) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    /// A configuration of a daemon for this home: where a server listens, or nobody does.
    func daemonFile(
        port: UInt16,
        state: String,
        lines: String = "",
        store: String? = nil
    ) throws -> String {
        try directory.write(
            """
            [server]
            listen = ["127.0.0.1:\(port)"]
            state = "\(state)"
            [store]
            root = "\(store ?? self.store)"
            \(lines)
            """,
            to: "firn.toml"
        )
    }
}
