// SPDX-License-Identifier: Apache-2.0

/// What the values of a setting look like, as far as a form can be made of it.
///
/// The NixOS module makes its options from it. What is narrower still, a time for example, is a text
/// here, which the reader refuses where it is none.
package enum ValueShape: Hashable, Sendable {
    case text
    case texts
    case flag
    case wholeNumber(ClosedRange<Int>)
    case choice([String])
    /// Of more than one kind, or a table.
    case any
}
