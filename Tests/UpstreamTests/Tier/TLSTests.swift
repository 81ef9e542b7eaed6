// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing
import Upstream

/// Against OpenSSL's own server.
@Suite(.inTurn) struct TLSTests {
    private static let hasOpenSSL = FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl")

    @Test(.enabled(if: hasOpenSSL, "needs the openssl command"))
    func onlyTheNamesOfACertificateWeTrustAreAsked() async throws {
        let path = try TestPath()
        try await withTemporaryDirectory { directory in
            let text = String(decoding: path.text, as: UTF8.self)
            _ = try directory.write(text, to: "\(path.hash).narinfo")
            try await Command(
                "openssl",
                [
                    "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", directory.path("key.pem"),
                    "-out", directory.path("certificate.pem"),
                ]
            ).run(deadline: .seconds(60)).requireSuccess()
            let port = try ListeningSocket().port
            let output = try FileHandle(forUpdating: URL(filePath: "/dev/null"))
            let server = try Command(
                "sh",
                [
                    "-c",
                    """
                    cd '\(directory.path)' && exec openssl s_server -quiet -WWW -key key.pem \
                    -cert certificate.pem -accept 127.0.0.1:\(port)
                    """,
                ]
            ).start(output: output, errors: output)
            defer { server.send(signal: SIGKILL) }
            var settings = UpstreamClientConfiguration(version: "test")
            settings.certificateFile = directory.path("certificate.pem")
            let trusting = UpstreamClient(settings)
            try await wait(for: "the server") {
                let tier = try TestTier.make(["https://localhost:\(port)"], client: trusting)
                return await tier.lookUp(path.hash).info == path.info
            }
            for (url, client) in [
                ("https://127.0.0.1:\(port)", trusting),
                ("https://localhost:\(port)", TestTier.client()),
            ] {
                let tier = try TestTier.make([url], client: client)
                let failure = await tier.lookUp(path.hash).failure
                #expect(failure?.isUnreachable == true, "\(String(describing: failure))")
            }
        }
    }
}
