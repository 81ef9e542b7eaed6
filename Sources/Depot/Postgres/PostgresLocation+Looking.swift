// SPDX-License-Identifier: Apache-2.0
import Glibc

extension PostgresLocation {
    /// What can be told without the network.
    ///
    /// - Throws: `PostgresProblem.noLibrary(_:)`, `PostgresProblem.badFile(path:reason:)`.
    package func look() throws {
        _ = try LibPQ.load()
        for name in ["sslrootcert", "sslcert", "sslcrl"] {
            guard let path = parameters[name], path != "system" else { continue }
            _ = try Self.mode(of: path)
        }
        for name in ["passfile", "sslkey"] {
            guard let path = parameters[name] else { continue }
            // libpq passes over a password file that others can read, and says that there is none.
            guard try Self.mode(of: path) & 0o077 == 0 else {
                throw PostgresProblem.badFile(
                    path: path,
                    reason: "others can read it (\(name)); chmod 600"
                )
            }
        }
    }

    private static func mode(of path: String) throws(PostgresProblem) -> mode_t {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            throw .badFile(path: path, reason: unsafe String(cString: strerror(errno)))
        }
        guard unsafe access(path, R_OK) == 0 else {
            throw .badFile(path: path, reason: "it cannot be read")
        }
        return status.st_mode
    }
}
