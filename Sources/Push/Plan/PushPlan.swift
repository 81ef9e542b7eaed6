// SPDX-License-Identifier: Apache-2.0
package import NixFormat
package import NixStore

/// What becomes of each path of a closure, and why.
///
/// - Shape: Dependencies come before what refers to them.
package struct PushPlan: Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        /// The cache has it, or a cache that it declares to rely on.
        case present
        /// `pattern` is what the user gave.
        case excluded(pattern: String)
        case tooLarge(limitBytes: UInt64)
        /// It would be a hole: what it needs, directly or not, is neither there nor sent.
        case refersTo(StorePath)
    }

    package enum Decision: Hashable, Sendable {
        case send
        case skip(Reason)
    }

    package struct Item: Hashable, Sendable {
        package let info: PathInfo
        package let decision: Decision
    }

    package let items: [Item]

    package var toSend: [PathInfo] { items.filter { $0.decision == .send }.map(\.info) }

    /// - Parameters:
    ///   - closure: Dependencies first.
    ///   - missing: What the cache lacks.
    ///   - filter: What the user keeps back.
    ///   - directory: In front of every path.
    package init(
        closure: [PathInfo],
        missing: Set<StorePathHash>,
        filter: PushFilter,
        directory: StoreDirectory
    ) {
        let unwanted = filter.reasons(
            for: closure.filter { missing.contains($0.path.hash) },
            in: directory
        )
        // What keeps a path out, for those that are kept out; what is there hides what it needs.
        var obstacles: [StorePathHash: StorePath] = [:]
        items = closure.map { info in
            let hash = info.path.hash
            guard missing.contains(hash) else { return Item(info: info, decision: .skip(.present)) }
            if let reason = unwanted[hash] {
                obstacles[hash] = info.path
                return Item(info: info, decision: .skip(reason))
            }
            if let obstacle = info.references.lazy.compactMap({ obstacles[$0.hash] }).first {
                obstacles[hash] = obstacle
                return Item(info: info, decision: .skip(.refersTo(obstacle)))
            }
            return Item(info: info, decision: .send)
        }
    }
}
