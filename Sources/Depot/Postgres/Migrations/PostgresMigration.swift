// SPDX-License-Identifier: Apache-2.0

/// A step from one layout of the tables to the next; steps are only ever added.
struct PostgresMigration: Sendable {
    let statements: String

    /// In their order; the layout's number is how many of them were made.
    static let all = [P001CreateCatalog.migration]
}
