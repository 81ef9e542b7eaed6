// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Where a catalog lies in PostgreSQL, as libpq's own URL.
///
/// - Shape: `postgresql://USER@HOST:PORT/DATABASE?PARAMETER=…`, several `HOST:PORT` with commas.
/// - Source: PostgreSQL 15, "Connection URIs". A password does not belong into a URL that is shown.
package struct PostgresLocation: Hashable, Sendable {
    /// As it was written.
    package let url: String
    /// What the URL says of each parameter that it has.
    let parameters: [String: String]

    /// Why text is no location; each continues "the URL …".
    package enum ParseError: Error, Hashable, Sendable, CustomStringConvertible {
        case notPostgres
        case badCharacter
        case noDatabase
        case badPort(String)
        case unknownParameter(String)
        case twice(String)
        case holdsSecret

        package var description: String {
            switch self {
            case .notPostgres: "has to begin with postgresql://"
            case .badCharacter: "has a blank or a character that is not of ASCII"
            case .noDatabase: "names no database: postgresql://HOST/DATABASE"
            case .badPort(let text): "has a port that is none: \"\(text)\""
            case .unknownParameter(let name): "has the parameter \"\(name)\", which is not known"
            case .twice(let name): "has \(name) twice"
            case .holdsSecret: "must not hold a password; passfile= names a file that does"
            }
        }
    }

    package init(parsing text: String) throws(ParseError) {
        guard let scheme = Self.schemes.first(where: { text.hasPrefix($0) }) else {
            throw .notPostgres
        }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), text.utf8.count <= 2000 else {
            throw .badCharacter
        }
        let halves = text.dropFirst(scheme.count)
            .split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        parameters = try Self.parameters(halves.count == 2 ? halves[1] : "")
        let place = halves[0].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        var hosts = place[0]
        if let at = hosts.lastIndex(of: "@") {
            guard !hosts[..<at].contains(":") else { throw .holdsSecret }
            hosts = hosts[hosts.index(after: at)...]
        }
        for host in hosts.split(separator: ",") { try Self.checkPort(host) }
        let database = place.count == 2 ? String(place[1]) : ""
        guard !database.isEmpty || parameters["dbname"]?.isEmpty == false else {
            throw .noDatabase
        }
        url = text
    }

    private static let schemes = ["postgresql://", "postgres://"]

    /// What libpq knows, but for what would hold a secret or change what Firn relies on.
    private static let known: Set<String> = [
        "application_name", "channel_binding", "connect_timeout", "dbname", "gssencmode", "host",
        "hostaddr", "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval",
        "krbsrvname", "options", "passfile", "port", "require_auth", "ssl_max_protocol_version",
        "ssl_min_protocol_version", "sslcert", "sslcompression", "sslcrl", "sslcrldir", "sslkey",
        "sslmode", "sslnegotiation", "sslrootcert", "sslsni", "target_session_attrs",
        "load_balance_hosts", "tcp_user_timeout", "user",
    ]

    private static func parameters(
        _ text: some StringProtocol
    ) throws(ParseError) -> [String: String] {
        var result: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(halves[0])
            guard name != "password", name != "sslpassword" else { throw .holdsSecret }
            guard known.contains(name) else { throw .unknownParameter(name) }
            guard result[name] == nil else { throw .twice(name) }
            let value = halves.count == 2 ? String(halves[1]) : ""
            result[name] = value.removingPercentEncoding ?? value
        }
        return result
    }

    private static func checkPort(_ host: Substring) throws(ParseError) {
        let afterBracket = host.lastIndex(of: "]").map { host[$0...] } ?? host
        guard let colon = afterBracket.lastIndex(of: ":") else { return }
        let port = host[host.index(after: colon)...]
        guard port.isEmpty || UInt16(port).map({ $0 > 0 }) == true else {
            throw .badPort(String(port))
        }
    }
}

extension PostgresLocation: CustomStringConvertible {
    /// Without parameters and without the user, for messages.
    package var description: String {
        let whole = url.prefix { $0 != "?" }
        guard let start = whole.firstRange(of: "://")?.upperBound else { return String(whole) }
        let place = whole[start...]
        let host = place.firstIndex(of: "@").map { place[place.index(after: $0)...] } ?? place
        return "postgresql://\(host)"
    }
}
