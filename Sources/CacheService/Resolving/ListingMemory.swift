// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization

/// The listings that were made lately: each costs a walk over all files of its path.
///
/// Two halves, like ``AnswerMemory``: bounded by bytes, and what is asked for often stays. A path
/// that was rebuilt with other content has another key, so nothing here ever becomes wrong.
final class ListingMemory: Sendable {
    struct Key: Hashable {
        let storeHash: StorePathHash
        let narHash: NixHash
    }

    /// Bytes of JSON in one half; one path with 10,000 files has about 1 MB.
    static let defaultHalfBytes = 8 << 20

    private struct Halves {
        var young: [Key: ListingAnswer] = [:]
        var old: [Key: ListingAnswer] = [:]
        var youngBytes = 0
    }

    private let maximumHalfBytes: Int
    private let halves = Mutex(Halves())

    init(maximumHalfBytes: Int = defaultHalfBytes) {
        self.maximumHalfBytes = maximumHalfBytes
    }

    func listing(for key: Key) -> ListingAnswer? {
        halves.withLock { halves in
            if let answer = halves.young[key] { return answer }
            guard let answer = halves.old.removeValue(forKey: key) else { return nil }
            insert(answer, for: key, into: &halves)
            return answer
        }
    }

    /// Keeps a listing, unless it is so large that little else would fit beside it.
    func remember(_ answer: ListingAnswer, for key: Key) {
        guard answer.text.count <= maximumHalfBytes / 2 else { return }
        halves.withLock { insert(answer, for: key, into: &$0) }
    }

    private func insert(_ answer: ListingAnswer, for key: Key, into halves: inout Halves) {
        let replacedBytes = halves.young.removeValue(forKey: key)?.text.count ?? 0
        halves.youngBytes -= replacedBytes
        if halves.youngBytes + answer.text.count > maximumHalfBytes {
            halves.old = halves.young
            halves.young = [:]
            halves.youngBytes = 0
        }
        halves.young[key] = answer
        halves.youngBytes += answer.text.count
    }
}
