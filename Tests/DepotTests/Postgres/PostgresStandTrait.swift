// SPDX-License-Identifier: Apache-2.0
import Depot
import FirnTestSupport
import Foundation
import Testing

/// Runs a PostgreSQL once for all tests of a suite.
struct PostgresStandTrait: SuiteTrait, TestScoping {
    @concurrent func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        guard PostgresStand.whatIsMissing == nil else { return try await function() }
        try await PostgresStand.run { stand in
            try await PostgresStand.$current.withValue(stand) { try await function() }
        }
    }
}

extension Trait where Self == PostgresStandTrait {
    /// The suite's tests find it in ``PostgresStand/current``.
    static var postgres: Self { Self() }
}

/// A database and a folder for one test.
struct TestCatalog: Sendable {
    let stand: PostgresStand
    let database: String
    let folder: TemporaryDirectory

    /// A depot in the folder, with its catalog in the database.
    var depot: TestDepot {
        get throws {
            TestDepot(directory: folder.path("depot"), catalog: .postgres(try location()))
        }
    }

    /// Does blocking work with a database of its own, on a thread of its own.
    static func with(_ body: @escaping @Sendable (TestCatalog) throws -> Void) async throws {
        try await withAsync { test in try await onOwnThread { try body(test) } }
    }

    static func withAsync(_ body: (TestCatalog) async throws -> Void) async throws {
        let stand = try #require(PostgresStand.current)
        let database = try await stand.makeDatabase()
        try await withTemporaryDirectory { folder in
            try folder.makeDirectory("local")
            try await body(TestCatalog(stand: stand, database: database, folder: folder))
        }
    }

    func location() throws -> PostgresLocation {
        try PostgresLocation(parsing: stand.url(of: database))
    }

    /// Opens the catalog as a new process of the same depot would.
    func open(
        _ url: String? = nil,
        of place: String = "here",
        folder name: String = "local"
    ) throws -> PostgresCatalog {
        try PostgresCatalog.open(
            PostgresLocation(parsing: url ?? stand.url(of: database)),
            of: place,
            directory: folder.path(name),
            logger: TestDepot.silent
        )
    }
}
