// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// The Nix store of this machine, as the rest of Firn sees it.
///
/// One implementation reads a real store (``NixLocalStore``); tests bring others. Calls marked
/// `async` take a deadline and never block the caller's thread. Calls that are not `async` may
/// block on the disk and belong on ``WorkerThreads``, except ``changeCount`` and
/// ``isMarkedBad(_:)``, which are cheap. Everything may be called concurrently and any number of
/// times.
package protocol LocalStore: Sendable {
    /// The logical store directory: `/nix/store` also where the files are somewhere else.
    var directory: StoreDirectory { get }

    /// What this store has counted since it was opened.
    var counters: StoreCounters { get }

    /// Grows whenever Nix's database may have changed, at most 100 ms late; never shrinks.
    var changeCount: UInt64 { get }

    /// What the database says about the path with this hash part.
    ///
    /// - Returns: `nil` only when the path is certainly absent (or was registered without a
    ///   NarSize,
    ///   which no client could use).
    /// - Throws: ``LocalStoreError`` whenever the store cannot know, never `nil`.
    func findPathInfo(_ hash: StorePathHash, deadline: Duration) async throws -> PathInfo?

    /// Valid paths registered after `id`, in the order of their ids.
    func arrivals(after id: Int64, limit: Int, deadline: Duration) async throws -> [PathInfo]

    /// Valid paths registered after `id`, in the order of their ids, with less of each.
    ///
    /// A page with fewer than `limit` may still not be the last: rows that nobody could use are left
    /// out.
    func storedPaths(after id: Int64, limit: Int, deadline: Duration) async throws -> [StoredPath]

    /// A valid path with this NAR; takes as long as reading the whole table.
    ///
    /// - Returns: `nil` when there is none, or the store cannot be asked that.
    func findPathInfo(narHash: NixHash, deadline: Duration) async throws -> PathInfo?

    /// The highest id that was ever given to a path that is still valid; 0 for an empty store.
    func newestID(deadline: Duration) async throws -> Int64

    /// The realisation of a content-addressed output, as Nix up to 2.34 keeps it.
    func findRealisation(_ id: DerivationOutputID, deadline: Duration) async throws -> Realisation?

    /// The realisation of a content-addressed output, as Nix from 2.35 on keeps it.
    func findBuildTraceEntry(
        derivation: StorePath,
        output: String,
        deadline: Duration
    ) async throws -> BuildTraceEntry?

    /// Valid paths whose names end in `-debug`, the newest first.
    func debugOutputs(limit: Int, deadline: Duration) async throws -> [StorePath]

    /// Starts to read a path as a NAR; the path cannot be collected while the reader lives. Blocks.
    ///
    /// - Parameters:
    ///   - info: The path, as `findPathInfo(_:deadline:)` told it.
    ///   - range: The bytes of the NAR to read; `nil` for all, which are then verified.
    /// - Returns: A reader that has not read anything yet.
    /// - Throws: `NARReadError.pathVanished(_:)` when the path is gone.
    func openNAR(_ info: PathInfo, range: Range<UInt64>?) throws -> NARReader

    /// The files of a path with their places in its NAR, without reading contents. Blocks.
    func listing(_ info: PathInfo) throws -> NARListing

    /// The log of the last build of a derivation, which need not be a valid path any more. Blocks.
    ///
    /// - Returns: `nil` when there is none.
    func openLog(of derivation: StorePath) throws -> BuildLog?

    /// Opens a file or directory inside a path; nothing outside of that path is ever reached.
    /// Blocks.
    ///
    /// - Parameters:
    ///   - path: Need not be valid.
    ///   - components: Names below the path, empty for its root. A name that is empty, `.` or
    ///     `..`, or holds `/` or NUL, finds nothing.
    /// - Returns: `nil` when there is no such file, or when a directory on the way leads outside.
    /// - Throws: ``LocalStoreError/inputOutput(path:code:)`` when it is there and cannot be opened.
    func openFile(in path: StorePath, at components: [[UInt8]]) throws -> StoreFile?

    /// Whether this path was found damaged and has not changed since.
    ///
    /// Cheap: no system call while nothing is marked.
    func isMarkedBad(_ info: PathInfo) -> Bool

    /// Whether the database answers and the store directory can be read.
    func checkHealth(deadline: Duration) async throws
}

/// Why the store cannot answer.
package enum LocalStoreError: Error {
    /// The directory that holds the store paths is missing or cannot be read.
    case storeUnavailable(path: String, reason: String)
    /// The database cannot be asked now: missing, locked, damaged, or without Nix's tables.
    case databaseUnavailable(path: String, reason: String)
    /// No answer within the caller's deadline, although nothing is known to be wrong.
    case deadlineExceeded
    /// More calls are waiting than the store accepts.
    case overloaded
    /// A row that Nix would not have written.
    case damagedRow(table: String, id: Int64, reason: String)
    /// A system call failed while files of the store were looked at.
    case inputOutput(path: String, code: Int32)
}

extension LocalStoreError: CustomStringConvertible {
    /// One line for an operator.
    package var description: String {
        switch self {
        case .storeUnavailable(let path, let reason):
            "no Nix store at \(path): \(reason)"
        case .databaseUnavailable(let path, let reason):
            "cannot read Nix's database \(path): \(reason)"
        case .deadlineExceeded: "the Nix store did not answer in time"
        case .overloaded: "too many questions wait for the Nix store"
        case .damagedRow(let table, let id, let reason):
            "Nix's database has a damaged row \(id) in \(table): \(reason)"
        case .inputOutput(let path, let code):
            "\(path): \(SystemError(code: code).text)"
        }
    }
}
