// SPDX-License-Identifier: Apache-2.0
import GRDB
import NixFormat

/// Questions about content-addressed outputs; the tables exist only where that experiment is on.
///
/// - Source: `ca-specific-schema.sql` of Nix 2.4 to 2.34 (`Realisations`) and from 2.35 on
///   (`BuildTraceV3`).
struct RealisationQuery {
    let directory: StoreDirectory

    /// Nix 2.4 to 2.34.
    ///
    /// The tables of dependencies came and went; without them there are none.
    func find(_ id: DerivationOutputID, in database: Database) throws -> Realisation? {
        guard try database.hasTables("Realisations") else { return nil }
        let statement = try database.cachedStatement(
            sql: """
                SELECT t.id, p.path, t.signatures FROM Realisations t
                JOIN ValidPaths p ON p.id = t.outputPath WHERE t.drvPath = ? AND t.outputName = ?
                """
        )
        let arguments: StatementArguments = [id.derivationHash.text(.base16), id.outputName]
        guard let row = try Row.fetchOne(statement, arguments: arguments),
            let rowID = Int64.fromDatabaseValue(row[0])
        else { return nil }
        return Realisation(
            id: id,
            outPath: try path(row[1], of: "Realisations", rowID),
            signatures: signatures(row[2]),
            dependentRealisations: try dependencies(of: rowID, in: database)
        )
    }

    /// Nix 2.35 and later.
    func find(
        derivation: StorePath,
        output: String,
        in database: Database
    ) throws -> BuildTraceEntry? {
        guard try database.hasTables("BuildTraceV3") else { return nil }
        let statement = try database.cachedStatement(
            sql: """
                SELECT id, outputPath, signatures FROM BuildTraceV3
                WHERE drvPath = ? AND outputName = ?
                """
        )
        let arguments: StatementArguments = [derivation.description, output]
        guard let row = try Row.fetchOne(statement, arguments: arguments),
            let rowID = Int64.fromDatabaseValue(row[0])
        else { return nil }
        return BuildTraceEntry(
            derivation: derivation,
            outputName: output,
            outPath: try path(row[1], of: "BuildTraceV3", rowID),
            signatures: signatures(row[2])
        )
    }

    private func dependencies(
        of rowID: Int64,
        in database: Database
    ) throws -> [DerivationOutputID: StorePath] {
        guard try database.hasTables("RealisationsRefs") else { return [:] }
        let statement = try database.cachedStatement(
            sql: """
                SELECT t.drvPath || '!' || t.outputName, p.path FROM RealisationsRefs r
                JOIN Realisations t ON t.id = r.realisationReference
                JOIN ValidPaths p ON p.id = t.outputPath WHERE r.referrer = ?
                """
        )
        var dependencies: [DerivationOutputID: StorePath] = [:]
        for row in try Row.fetchAll(statement, arguments: [rowID]) {
            let text = String.fromDatabaseValue(row[0]) ?? ""
            guard let id = try? DerivationOutputID(parsing: text) else {
                throw damaged("RealisationsRefs", rowID, "not an output: \(text)")
            }
            dependencies[id] = try path(row[1], of: "RealisationsRefs", rowID)
        }
        return dependencies
    }

    private func path(_ value: DatabaseValue, of table: String, _ id: Int64) throws -> StorePath {
        let text = String.fromDatabaseValue(value) ?? ""
        do {
            return try directory.storePath(parsing: text)
        } catch {
            throw damaged(table, id, "not a path of the store: \(text)")
        }
    }

    private func signatures(_ value: DatabaseValue) -> [Signature] {
        (String.fromDatabaseValue(value) ?? "").split(separator: " ")
            .compactMap { try? Signature(parsing: $0) }
    }

    private func damaged(_ table: String, _ id: Int64, _ reason: String) -> LocalStoreError {
        .damagedRow(table: table, id: id, reason: reason)
    }
}

extension Database {
    /// Asked of SQLite itself each time, since a newer Nix may add a table while we are connected.
    func hasTables(_ names: String...) throws -> Bool {
        let statement = try cachedStatement(
            sql: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
        )
        return try names.allSatisfy { try Row.fetchOne(statement, arguments: [$0]) != nil }
    }
}
