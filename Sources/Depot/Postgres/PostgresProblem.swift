// SPDX-License-Identifier: Apache-2.0

/// Why PostgreSQL did not do what it was asked.
package enum PostgresProblem: Error, Hashable, Sendable {
    /// Its client library is not on this machine.
    case noLibrary(String)
    /// A file that the URL names.
    case badFile(path: String, reason: String)
    /// There is no such database, or no such role.
    case noDatabase(String)
    case notAdmitted(String)
    /// TLS was asked for and cannot be had, or the certificate is not to be trusted.
    case untrusted(String)
    case unreachable(String)
    /// It has no connection left for us.
    case busy(String)
    /// It has not answered in time.
    case timedOut
    /// The connection broke; whether a change was made is known: it was not.
    case lost(String)
    /// The connection broke at the very end of a change, and nobody can tell whether it was made.
    case undecided(String)
    /// The role may not do this.
    case forbidden(String)
    /// By its number, 150004 for 15.4.
    case tooOld(serverVersion: Int)
    case madeByNewerFirn
    /// The catalog is of the depot in another place.
    case ofAnotherDepot(String)
    /// By the code of the SQL standard, and in the server's words.
    case failed(code: String, String)
    /// It answered with something that Firn did not write.
    case unreadable(String)
}

extension PostgresProblem: CustomStringConvertible {
    /// One line for an operator: what is wrong and what to do.
    package var description: String {
        switch self {
        case .noLibrary(let reason):
            "libpq, PostgreSQL's client library, is needed (\(reason)); install it, on Debian"
                + " the package libpq5"
        case .badFile(let path, let reason): "\(path): \(reason)"
        case .noDatabase(let text): "\(text); create it, or correct the URL"
        case .notAdmitted(let text): "\(text); the password file or the server's rules are wrong"
        case .untrusted(let text): "TLS: \(text); sslmode and sslrootcert say what is asked for"
        case .unreachable(let text): "not reachable: \(text)"
        case .busy(let text): "it has no connection left: \(text)"
        case .timedOut: "it has not answered in time"
        case .lost(let text): "the connection was lost: \(text)"
        case .undecided(let text): "the connection was lost while a change was ending: \(text)"
        case .forbidden(let text): "\(text); the role has to own the database, or its schema firn"
        case .tooOld(let version):
            "PostgreSQL \(version / 10_000) is too old; 13 is the oldest that is understood"
        case .madeByNewerFirn: "it was made by a newer Firn; use that one, or another database"
        case .ofAnotherDepot(let place):
            "it is the catalog of the depot \(place); name another database"
        case .failed(let code, let text): "\(text) (\(code))"
        case .unreadable(let what): "the row of \(what) cannot be read"
        }
    }
}

extension PostgresProblem {
    /// What the library says when there is no connection.
    ///
    /// It gives no code then, only lines that may be the server's, in the server's language.
    static func ofConnecting(_ message: String) -> PostgresProblem {
        let text = line(message)
        let has = { (words: [String]) in words.contains { text.contains($0) } }
        if has(["too many connections", "remaining connection slots", "no more connections"]) {
            return .busy(text)
        }
        if has(["authentication failed", "no password supplied", "pg_hba.conf"]) {
            return .notAdmitted(text)
        }
        if has(["SSL", "certificate"]) { return .untrusted(text) }
        if has(["database \"", "role \""]), has(["does not exist"]) { return .noDatabase(text) }
        return .unreachable(text)
    }

    /// What an answer with an error says.
    ///
    /// - Source: PostgreSQL 15, appendix A, "PostgreSQL Error Codes".
    static func ofAnswer(code: String, _ message: String) -> PostgresProblem {
        let text = line(message)
        return switch code {
        case "42501": .forbidden(text)
        case "53300": .busy(text)
        // The server goes, or a failover took its right to write.
        case "57P01", "57P02", "57P03", "25006": .lost(text)
        case "55P03", "57014": .timedOut
        default:
            // Of a connection, by whoever stands in between.
            code.hasPrefix("08") ? .lost(text) : .failed(code: code, text)
        }
    }

    /// Whether nothing was changed, and the same transaction may well pass at once.
    var isPassing: Bool {
        switch self {
        case .lost: true
        // Serialisation, deadlock, and two that came with the same key at once.
        case .failed(let code, _): ["40001", "40P01", "23505"].contains(code)
        default: false
        }
    }

    var isDiskFull: Bool {
        if case .failed("53100", _) = self { true } else { false }
    }

    private static func line(_ text: String) -> String {
        let parts = text.split(whereSeparator: \.isNewline).map { part in
            part.drop { $0 == " " || $0 == "\t" }
        }
        return String(parts.joined(separator: "; ").prefix(400))
    }
}
