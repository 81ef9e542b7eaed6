// SPDX-License-Identifier: Apache-2.0
package import NixFormat
package import NixStore

/// What becomes of each path of a closure, and why.
///
/// - Shape: Dependencies come before what refers to them.
package struct PushPlan: Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        /// The cache has it; or, where it does not say which, a cache that it relies on.
        case present
        /// `upstream` is what the cache calls another one, on which it relies.
        case elsewhere(upstream: String)
        /// `pattern` is what the user gave.
        case excluded(pattern: String)
        case tooLarge(limitBytes: UInt64)
        /// It would be a hole: what it needs, directly or not, is kept back.
        case refersTo(StorePath)
        /// The cache does not take it; `reason` is what it says.
        case refused(reason: String)
        /// It would be a hole: the cache does not take what it needs, directly or not.
        case refersToRefused(StorePath)
    }

    package enum Decision: Hashable, Sendable {
        case send
        /// It need not be sent, only shown to be had.
        case prove(nonce: [UInt8])
        case skip(Reason)
    }

    package struct Item: Hashable, Sendable {
        package let info: PathInfo
        package let decision: Decision

        /// Whether the cache keeps it out, which nobody wanted.
        package var isRefused: Bool {
            switch decision {
            case .skip(.refused), .skip(.refersToRefused): true
            case .send, .prove, .skip: false
            }
        }
    }

    package let items: [Item]

    /// What is to get there, whether its bytes have to travel or not.
    package var itemsToSend: [Item] {
        items.filter { if case .skip = $0.decision { false } else { true } }
    }

    /// - Parameters:
    ///   - closure: Dependencies first.
    ///   - needs: Of what the cache lacks.
    ///   - filter: What the user keeps back.
    ///   - directory: In front of every path.
    package init(
        closure: [PathInfo],
        needs: [StorePathHash: PushNeed],
        filter: PushFilter,
        directory: StoreDirectory
    ) {
        let unwanted = filter.reasons(
            for: closure.filter { needs[$0.path.hash].map(Self.isOpen) ?? false },
            in: directory
        )
        // What keeps a path out, for those that are kept out; what is there hides what it needs.
        var obstacles: [StorePathHash: Reason] = [:]
        items = closure.map { info in
            let hash = info.path.hash
            func skip(_ reason: Reason, _ obstacle: Reason) -> Item {
                obstacles[hash] = obstacle
                return Item(info: info, decision: .skip(reason))
            }
            guard let need = needs[hash] else { return Item(info: info, decision: .skip(.present)) }
            if case .elsewhere(let upstream) = need {
                return Item(info: info, decision: .skip(.elsewhere(upstream: upstream)))
            }
            if let reason = unwanted[hash] { return skip(reason, .refersTo(info.path)) }
            if case .refused(let reason) = need {
                return skip(.refused(reason: reason), .refersToRefused(info.path))
            }
            if let obstacle = info.references.lazy.compactMap({ obstacles[$0.hash] }).first {
                return skip(obstacle, obstacle)
            }
            if case .prove(let nonce) = need {
                return Item(info: info, decision: .prove(nonce: nonce))
            }
            return Item(info: info, decision: .send)
        }
    }

    /// Whether the user may still keep it back.
    private static func isOpen(_ need: PushNeed) -> Bool {
        switch need {
        case .send, .prove, .refused: true
        case .elsewhere: false
        }
    }
}
