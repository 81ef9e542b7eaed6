// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Whether the NARs of a tier have been right so far.
///
/// A client that was sent wrong bytes cannot be helped any more, so a tier has to show first that it
/// sends right ones: until then, and for a while after wrong ones, NARs of a middle size are verified
/// before their first byte is passed on.
final class NARRecord: Sendable {
    private let credit = Atomic<Int>(0)
    private static let mostCredit = 1
    /// So many right ones make up for a wrong one.
    private static let penalty = 20

    var isClean: Bool { credit.load(ordering: .relaxed) > 0 }

    func noteRight() {
        let credit = credit.load(ordering: .relaxed)
        if credit < Self.mostCredit { self.credit.wrappingAdd(1, ordering: .relaxed) }
    }

    func noteWrong() { credit.store(-Self.penalty, ordering: .relaxed) }
}
