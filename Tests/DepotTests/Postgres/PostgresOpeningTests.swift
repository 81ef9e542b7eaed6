// SPDX-License-Identifier: Apache-2.0
import Caches
import Depot
import FirnTestSupport
import Foundation
import NixFormat
import Testing

/// Whose catalog it is, how it begins, and what is said when it cannot be used.
@Suite(.postgres, .enabled(if: PostgresStand.whatIsMissing == nil))
struct PostgresOpeningTests {
    @Test func theCatalogOfAnotherDepotIsNotTaken() async throws {
        try await TestCatalog.with { test in
            let token = try sampleToken(TokenSecret.generate(), createdAt: 1)
            _ = try test.open(of: "one").insert(token)
            #expect(problem { try test.open(of: "two", folder: "local") } == .ofAnotherDepot("one"))
            #expect(try test.open(of: "one").listTokens() == [token])
        }
    }

    @Test func aFolderThatComesAndGoesIsNotTakenForWhatTheCatalogKnows() async throws {
        try await TestCatalog.with { test in
            let sample = try Sample(1)
            let token = try sampleToken(TokenSecret.generate(), createdAt: 1)
            do {
                let catalog = try test.open()
                _ = try catalog.insert(token)
                try catalog.rebuild { _ in }
                try catalog.add(sample, usedAt: 1)
            }
            #expect(try test.open().isComplete())
            // A machine that is new: what lies in the bucket may have changed without it.
            let other = try test.folder.makeDirectory("other")
            let catalog = try test.open(folder: "other")
            #expect(try !catalog.isComplete())
            #expect(try catalog.find(sample.key) == nil)
            #expect(try catalog.listTokens() == [token])
            #expect(FileManager.default.fileExists(atPath: "\(other)/catalog.postgresql"))
            // And the old one comes back.
            try catalog.rebuild { _ in }
            #expect(try !test.open().isComplete())
        }
    }

    @Test func aDepotMovesFromSQLiteAndBackWithoutLosingObjects() async throws {
        try await TestCatalog.with { test in
            let secret = TokenSecret.generate()
            let cache = try CacheName(parsing: "team")
            let inPostgres = try test.depot
            var inSQLite = inPostgres
            inSQLite.catalog = .sqlite
            let samples = try (0..<4).map { try Sample($0) }
            do {
                let depot = try inSQLite.open()
                try depot.put(samples[0])
                let made = NamedCache(
                    name: cache,
                    settings: CacheSettings(),
                    publicKey: try SecretKey.generate(name: "key-1").publicKey,
                    createdAt: 1
                )
                #expect(try depot.create(made))
                _ = try depot.registry.insert(sampleToken(secret, createdAt: 1))
            }
            do {
                let depot = try inPostgres.open()
                #expect(depot.opening.rebuiltObjects == 1)
                #expect(try depot.registry.findCache(cache) != nil)
                #expect(try depot.registry.findToken(secret.digest) != nil)
                try depot.put(samples[1])
            }
            #expect(try inPostgres.open().opening == DepotOpening())
            // What is done under the other catalog is not unknown to the first one.
            do {
                let depot = try inSQLite.open()
                #expect(depot.opening.rebuiltObjects == 2)
                try depot.put(samples[2])
                try depot.remove(samples[0].key)
            }
            let keys = try inPostgres.verifyAtRest()
            #expect(keys == Set(samples[1...2].map(\.key)))
            #expect(try inPostgres.open().registry.findToken(secret.digest) != nil)
        }
    }

    @Test func aCatalogOfANewerFirnIsNotTouched() async throws {
        try await TestCatalog.withAsync { test in
            _ = try await onOwnThread { _ = try test.open() }
            try await test.stand.run("UPDATE firn.catalog SET layout = 999", in: test.database)
            try await onOwnThread {
                #expect(problem { try test.open() } == .madeByNewerFirn)
            }
        }
    }

    @Test func severalThatOpenANewOneAtOnceMakeItOnce() async throws {
        try await TestCatalog.with { test in
            DispatchQueue.concurrentPerform(iterations: 4) { _ in
                do {
                    _ = try test.open().totals()
                } catch {
                    Issue.record(error)
                }
            }
        }
    }

    @Test func whatIsWrongIsSaidInOneLine() async throws {
        try await TestCatalog.with { test in
            let stand = test.stand
            func says(_ url: String, _ isRight: (PostgresProblem) -> Bool) {
                let found = problem { try test.open(url) }
                #expect(found.map(isRight) == true, "\(String(describing: found))")
                #expect(found.map { !"\($0)".contains("\n") } == true)
            }
            let good = try test.folder.write(
                PostgresStand.passwordFile(),
                to: "good",
                mode: 0o600
            )
            let wrong = try test.folder.write(
                PostgresStand.passwordFile("wrong"),
                to: "wrong",
                mode: 0o600
            )
            let open = try test.folder.write(PostgresStand.passwordFile(), to: "open", mode: 0o644)
            func url(_ passwords: String, _ database: String? = nil, _ more: String = "") -> String
            {
                stand.tcpURL(of: database ?? test.database, more: "?passfile=\(passwords)" + more)
            }
            _ = try test.open(url(good))
            says(url(wrong)) { if case .notAdmitted = $0 { true } else { false } }
            says(url(good, "none")) { if case .noDatabase = $0 { true } else { false } }
            says(url(open)) { if case .badFile(open, _) = $0 { true } else { false } }
            says(url("/nowhere")) { if case .badFile("/nowhere", _) = $0 { true } else { false } }
            says(url(good, nil, "&sslmode=require")) {
                if case .untrusted = $0 { true } else { false }
            }
            let silent = try ListeningSocket().port
            says(stand.tcpURL(of: "x", port: silent)) {
                if case .unreachable = $0 { true } else { false }
            }
        }
    }

    @Test func aRoleThatMayNothingIsToldSo() async throws {
        try await TestCatalog.withAsync { test in
            let role = "reader_of_\(test.database)"
            try await test.stand.run("CREATE ROLE \(role) LOGIN", in: test.database)
            let url = test.stand.url(of: test.database)
                .replacing("//\(PostgresStand.role)@", with: "//\(role)@")
            try await onOwnThread {
                let found = problem { try test.open(url) }
                guard case .forbidden = found else {
                    Issue.record("\(String(describing: found))")
                    return
                }
            }
        }
    }

    @Test func certificatesAreHeldAgainstTheAuthorityThatIsNamed() async throws {
        try await withTemporaryDirectory { folder in
            try await Command(
                "/bin/sh",
                [
                    "-euc",
                    """
                    cd "$0"
                    for name in own other; do
                        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
                            -days 30 -subj "/CN=Firn test" -addext subjectAltName=IP:127.0.0.1 \
                            -keyout $name.key -out $name.pem
                    done
                    if [ "$(id -u)" = 0 ]; then chown postgres own.key; fi
                    chmod 755 . && chmod 600 own.key
                    """,
                    folder.path,
                ]
            ).run(deadline: .seconds(60)).requireSuccess()
            let options = [
                "ssl=on", "ssl_cert_file=\(folder.path("own.pem"))",
                "ssl_key_file=\(folder.path("own.key"))",
            ]
            try await PostgresStand.run(options: options) { stand in
                try await PostgresStand.$current.withValue(stand) {
                    try await TestCatalog.with { test in
                        let passwords = try test.folder.write(
                            PostgresStand.passwordFile(),
                            to: "passwords",
                            mode: 0o600
                        )
                        func url(_ authority: String) -> String {
                            let more = "?passfile=\(passwords)&sslmode=verify-full&sslrootcert="
                            return stand.tcpURL(
                                of: test.database,
                                more: more + folder.path(authority)
                            )
                        }
                        _ = try test.open(url("own.pem"))
                        let found = problem { try test.open(url("other.pem")) }
                        guard case .untrusted = found else {
                            Issue.record("\(String(describing: found))")
                            return
                        }
                    }
                }
            }
        }
    }
}

/// What PostgreSQL is said not to do.
private func problem(_ body: () throws -> PostgresCatalog) -> PostgresProblem? {
    do {
        _ = try body()
        return nil
    } catch DepotError.catalogUnavailable(let cause) {
        return cause as? PostgresProblem
    } catch {
        Issue.record(error)
        return nil
    }
}
