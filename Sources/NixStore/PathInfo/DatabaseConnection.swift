// SPDX-License-Identifier: Apache-2.0
import CLinux
import GRDB

/// One read-only connection to Nix's database.
final class DatabaseConnection: Sendable {
    enum Mode {
        /// With Nix's own locks and its write-ahead log.
        case shared
        /// The file as it stands, without locks: right only while nobody writes.
        case immutable
    }

    let mode: Mode
    /// The file as it was when it was opened.
    let status: FileStatus
    private let queue: DatabaseQueue

    /// Opens the file as Nix shares it, or else, when nothing waits in the log, as a file that does
    /// not change.
    ///
    /// In WAL mode even a reader has to create `-shm` and `-wal` when they are missing, which only
    /// the owner of the directory can (nix#10300).
    ///
    /// - Throws: `DatabaseError`.
    static func open(_ file: DatabaseFile, status: FileStatus) throws -> DatabaseConnection {
        do {
            return try DatabaseConnection(.shared, path: file.path, status: status)
        } catch let error as DatabaseError where error.meansLogIsNotUsable {
            guard file.logIsEmpty else { throw error }
            return try DatabaseConnection(.immutable, path: file.immutableName, status: status)
        }
    }

    private init(_ mode: Mode, path: String, status: FileStatus) throws {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.label = "nix"
        // Waiting is done by the caller, who knows how long.
        configuration.busyMode = .immediateError
        self.mode = mode
        self.status = status
        queue = try DatabaseQueue(path: path, configuration: configuration)
        // The first access: only now SQLite looks for the log.
        try queue.unsafeReentrantRead { try $0.execute(sql: "PRAGMA data_version") }
    }

    func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try queue.unsafeReentrantRead(body)
    }

    /// Whether answers are still those of the file that has this status now.
    func isUsable(for status: FileStatus, file: DatabaseFile) -> Bool {
        switch mode {
        case .shared: status.device == self.status.device && status.inode == self.status.inode
        case .immutable: status == self.status && file.logIsEmpty
        }
    }
}

/// The names under which SQLite keeps a database.
struct DatabaseFile: Sendable {
    let path: String

    /// Whether nothing is in the write-ahead log that is not in the file.
    var logIsEmpty: Bool { (log?.sizeBytes ?? 0) == 0 }

    var status: FileStatus? { FileStatus(path: path) }

    var log: FileStatus? { FileStatus(path: path + "-wal") }

    /// As SQLite's URI, with the characters escaped that mean something in one.
    var immutableName: String {
        let escaped = path.utf8.reduce(into: "") { name, byte in
            switch byte {
            case UInt8(ascii: "%"): name += "%25"
            case UInt8(ascii: "?"): name += "%3f"
            case UInt8(ascii: "#"): name += "%23"
            default: name.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        return "file:\(escaped)?immutable=1"
    }

    /// Makes SQLite understand ``immutableName``; has to come before the first connection.
    static let allowURIs: Void = { _ = firn_sqlite_read_uris() }()
}

extension DatabaseError {
    /// Whether another connection is in the way, so that waiting helps.
    var meansLocked: Bool {
        switch resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED: true
        default: false
        }
    }

    fileprivate var meansLogIsNotUsable: Bool {
        switch resultCode {
        case .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM: true
        default: false
        }
    }
}
