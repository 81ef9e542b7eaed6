// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A number that many threads add to; it wraps after 2^64.
///
/// Relaxed: the page that shows it needs no order between two numbers, and adding costs a few
/// nanoseconds.
final class Counter: Sendable {
    private let current = Atomic<UInt64>(0)

    var value: UInt64 { current.load(ordering: .relaxed) }

    func add(_ amount: UInt64 = 1) {
        current.wrappingAdd(amount, ordering: .relaxed)
    }
}

/// A number that goes up and down.
final class Gauge: Sendable {
    private let current = Atomic<Int64>(0)

    var value: Int64 { current.load(ordering: .relaxed) }

    func add(_ amount: Int64) {
        current.wrappingAdd(amount, ordering: .relaxed)
    }
}
