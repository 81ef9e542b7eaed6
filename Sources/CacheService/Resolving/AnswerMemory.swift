// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization

/// The narinfos that were made lately, with the state of the database they were true for.
///
/// Two halves: when the younger is full it becomes the older and the older is forgotten, so what is
/// asked for often stays, the size is bounded, and nothing has to be ordered at each request.
final class AnswerMemory: Sendable {
    struct Entry {
        let answer: StoreAnswer
        /// The store's change count when the database last confirmed the path; `nil` when the
        /// answer may no longer be the best one, and is only for when the database is silent.
        let confirmedAt: UInt64?
    }

    /// Bytes of narinfo text in one half; a narinfo has 500 to 2,000 bytes.
    static let maximumHalfBytes = 8 << 20

    private struct Halves {
        var young: [StorePathHash: Entry] = [:]
        var old: [StorePathHash: Entry] = [:]
        var youngBytes = 0
    }

    private let halves = Mutex(Halves())

    func entry(for hash: StorePathHash) -> Entry? {
        halves.withLock { halves in
            if let entry = halves.young[hash] { return entry }
            guard let entry = halves.old.removeValue(forKey: hash) else { return nil }
            Self.insert(entry, for: hash, into: &halves)
            return entry
        }
    }

    func remember(_ entry: Entry, for hash: StorePathHash) {
        halves.withLock { halves in
            Self.insert(entry, for: hash, into: &halves)
        }
    }

    /// Has the path asked for again before it is answered, unless the database is silent.
    func suspect(_ hash: StorePathHash) {
        guard let entry = entry(for: hash) else { return }
        remember(Entry(answer: entry.answer, confirmedAt: nil), for: hash)
    }

    func forget(_ hash: StorePathHash) {
        halves.withLock { halves in
            if let entry = halves.young.removeValue(forKey: hash) {
                halves.youngBytes -= entry.answer.answer.text.count
            }
            halves.old[hash] = nil
        }
    }

    private static func insert(_ entry: Entry, for hash: StorePathHash, into halves: inout Halves) {
        if halves.youngBytes >= maximumHalfBytes {
            halves.old = halves.young
            halves.young = [:]
            halves.youngBytes = 0
        }
        let replaced = halves.young.updateValue(entry, forKey: hash)
        halves.youngBytes +=
            entry.answer.answer.text.count - (replaced?.answer.answer.text.count ?? 0)
    }
}
