// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import Foundation
import Glibc

/// What a run has set out to do, written down before it touches the first host.
///
/// A run that was killed leaves its note behind, and whoever looks next makes receipts of it.
struct RunNote: Codable, Sendable {
    struct Entry: Codable, Sendable {
        var host: String
        /// The token of the deployment.
        var id: String
        var strategy: String
        var log: String?
    }

    var by: String
    var startedAt: Timestamp
    /// A word of ``Receipt/action``.
    var action: String
    var entries: [Entry]

    private enum CodingKeys: String, CodingKey {
        case by, action
        case startedAt = "started-at"
        case entries = "hosts"
    }
}

/// A run's note while it goes on: the lock of its file tells that the process lives.
final class OpenRun: Sendable {
    private let path: String
    private let descriptor: Int32

    fileprivate init(_ path: String, _ descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Every host has its receipt.
    func end() { unsafe unlink(path) }
}

extension FleetFolder {
    private var runs: String { "\(folder)/runs" }

    /// Writes down what is about to be done; on the disk when it comes back.
    ///
    /// - Throws: ``Failure``; nothing may be done then.
    func begin(_ note: RunNote) throws -> OpenRun {
        try StateFile.makeFolder(runs)
        let path = "\(runs)/\(DeployToken()).json"
        return OpenRun(path, try StateFile.makeLocked(path, with: try FirnJSON.write(note)))
    }

    /// Gives receipts to the hosts of runs that were killed; as left they were noted at the start.
    ///
    /// - Returns: The receipts that were made.
    /// - Throws: ``Failure``, ``ReceiptBook/Failure``.
    @discardableResult
    package func settleRuns() throws -> [Receipt] {
        var all: [Receipt] = []
        let book = ReceiptBook(state: state)
        for run in openRuns() {
            defer { close(run.descriptor) }
            let receipts = try receipts(of: run.note, beside: book)
            for receipt in receipts {
                guard let host = try? HostName(parsing: receipt.host) else { continue }
                try book.append(receipt, of: host)
            }
            unsafe unlink(run.path)
            all += receipts
        }
        return all
    }

    /// The receipts that ``settleRuns()`` would make, for whoever may only read.
    package func unsettledReceipts() throws -> [Receipt] {
        let book = ReceiptBook(state: state)
        return try openRuns().flatMap { run in
            defer { close(run.descriptor) }
            return try receipts(of: run.note, beside: book)
        }
    }

    /// Whether a deploy of ours has ended, so that nobody follows what it began on the host.
    func hasEnded(_ token: DeployToken, of host: HostName) -> Bool {
        let newest = try? ReceiptBook(state: state).newest(20)
        return newest?[host]?.contains { $0.id == token.description } ?? false
    }

    /// Notes whose process has ended; the descriptors hold their locks.
    private func openRuns() -> [(path: String, descriptor: Int32, note: RunNote)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: runs)) ?? []
        return names.sorted().compactMap { name in
            guard name.hasSuffix(".json") else { return nil }
            let path = "\(runs)/\(name)"
            let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            guard descriptor >= 0 else { return nil }
            var facts = stat()
            // One that has no name any more was settled by somebody else meanwhile.
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0,
                unsafe fstat(descriptor, &facts) == 0, facts.st_nlink > 0,
                let note = read(path, as: RunNote.self)
            else {
                close(descriptor)
                return nil
            }
            return (path, descriptor, note)
        }
    }

    private func receipts(of note: RunNote, beside book: ReceiptBook) throws -> [Receipt] {
        let hosts = Set(note.entries.compactMap { try? HostName(parsing: $0.host) })
        let known = Set(try book.read(hosts).receipts.map(\.id))
        return note.entries.filter { !known.contains($0.id) }.map { entry in
            let trace = entry.log.map(Self.trace) ?? (phase: nil, end: nil)
            let took = trace.end.map { $0.timeIntervalSince(note.startedAt.date) } ?? 0
            var receipt = Receipt(
                id: entry.id,
                host: entry.host,
                by: note.by,
                startedAt: note.startedAt,
                took: Milliseconds(.milliseconds(Int64(max(0, took) * 1_000))),
                strategy: Receipt.Strategy(rawValue: entry.strategy),
                action: note.action,
                outcome: .interrupted
            )
            receipt.reason =
                "firn itself was ended" + (trace.phase.map { " in the phase \($0)" } ?? "")
                + "; firn hosts tells what the host runs"
            return receipt
        }
    }

    /// How far a log goes: its last phase, and when its last line was written.
    private static func trace(_ log: String) -> (phase: String?, end: Date?) {
        let facts = try? FileManager.default.attributesOfItem(atPath: log)
        let text = FileManager.default.contents(atPath: log).map {
            String(decoding: $0.suffix(64 << 10), as: UTF8.self)
        }
        let phase = text?.split(separator: "\n").reversed().lazy.compactMap { line in
            line.split(separator: " ").count == 3 && line.contains(" == ")
                ? line.split(separator: " ").last.flatMap { Phase(rawValue: String($0)) } : nil
        }.first
        return (phase?.rawValue, facts?[.modificationDate] as? Date)
    }
}
