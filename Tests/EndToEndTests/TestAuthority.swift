// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport

/// A certificate authority that nobody knows, and a certificate of it for 127.0.0.1.
struct TestAuthority: Sendable {
    private let directory: TemporaryDirectory

    /// What a client has to be told.
    var certificate: String { directory.path("ca.pem") }
    var serverCertificate: String { directory.path("server.pem") }
    var serverKey: String { directory.path("server.key") }

    static func make(in directory: TemporaryDirectory) async throws -> TestAuthority {
        let authority = TestAuthority(directory: directory)
        try await authority.run(
            """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
                -subj "/CN=Firn test" -keyout ca.key -out ca.pem
            """
        )
        try await authority.issue()
        return authority
    }

    /// Makes another certificate and key in place of the last ones.
    func issue() async throws {
        try await run(
            """
            printf 'subjectAltName=IP:127.0.0.1\\nbasicConstraints=CA:FALSE\\n' >server.ext
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
                -subj "/CN=127.0.0.1" -keyout server.key -out server.csr
            openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 \
                -extfile server.ext -out server.pem
            """
        )
    }

    private func run(_ script: String) async throws {
        let command = Command("/bin/sh", ["-euc", "cd \"$0\"\n\(script)", directory.path])
        try await command.run(deadline: .seconds(30)).requireSuccess()
    }
}
