// SPDX-License-Identifier: Apache-2.0
import Depot

/// A part that has come whole and is what was announced.
struct ReceivedPart: Sendable {
    let place: PartPlace
    let sizeBytes: UInt64
    /// Its bytes; `nil` once they are unpacked.
    var bytes: SpooledPart?
}

/// Bytes of a part, with what they take.
///
/// In a file without a name within the depot's bound; nothing of it outlives this or the process.
struct SpooledPart: Sendable {
    let spool: Spool
    let share: QuotaShare
}

/// The list of parts that their sender has at its end.
package struct PartList: Hashable, Sendable {
    package struct Part: Hashable, Sendable {
        package let number: Int
        /// As it was answered, with quotes.
        package let entityTag: String

        package init(number: Int, entityTag: String) {
            self.number = number
            self.entityTag = entityTag
        }
    }

    package let parts: [Part]

    package init(_ parts: [Part]) { self.parts = parts }

    /// - Throws: ``CacheError/refused(_:)`` when it is another list than that of what came.
    func require(_ received: [Int: ReceivedPart]) throws(CacheError) {
        guard parts.count == received.count, Set(parts.map(\.number)).count == parts.count else {
            throw .refused("\(received.count) parts came, and \(parts.count) are listed")
        }
        for part in parts {
            guard let known = received[part.number] else {
                throw .refused("part \(part.number) did not come")
            }
            guard part.entityTag == "\"\(known.place.entityTag)\"" else {
                throw .refused("part \(part.number) is not the one with this ETag")
            }
        }
    }
}
