// SPDX-License-Identifier: Apache-2.0
import Depot
import Testing

@Suite struct PostgresLocationTests {
    @Test(arguments: [
        "postgresql:///firn", "postgres://firn@db.example.com/firn",
        "postgresql://a:5432,b:5433/firn?target_session_attrs=read-write",
        "postgresql://firn@[::1]:5432/firn?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        "postgresql://firn@/firn?host=/run/postgresql&port=5433",
        "postgresql://db/?dbname=firn",
    ])
    func whatLibpqTakesIsTaken(url: String) throws {
        #expect(try PostgresLocation(parsing: url).url == url)
    }

    @Test(arguments: [
        ("mysql://db/firn", PostgresLocation.ParseError.notPostgres),
        ("postgresql://db/fi rn", .badCharacter),
        ("postgresql://db", .noDatabase),
        ("postgresql://db/", .noDatabase),
        ("postgresql://db:0/firn", .badPort("0")),
        ("postgresql://db:70000/firn", .badPort("70000")),
        ("postgresql://db:x,e/firn", .badPort("x")),
        ("postgresql://db/firn?slmode=require", .unknownParameter("slmode")),
        ("postgresql://db/firn?sslmode=require&sslmode=disable", .twice("sslmode")),
        ("postgresql://firn:secret@db/firn", .holdsSecret),
        ("postgresql://db/firn?password=secret", .holdsSecret),
    ])
    func whatIsWrongIsSaid(url: String, error: PostgresLocation.ParseError) {
        #expect(throws: error) { try PostgresLocation(parsing: url) }
    }

    @Test func messagesShowNeitherUserNorParameters() throws {
        let location = try PostgresLocation(
            parsing: "postgresql://someone@db.example.com:5432/firn?passfile=/etc/pass"
        )
        #expect("\(location)" == "postgresql://db.example.com:5432/firn")
    }
}
