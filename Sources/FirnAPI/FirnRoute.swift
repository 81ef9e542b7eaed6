// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// Firn's own questions, as targets of requests: what the server answers and the client asks.
package enum FirnRoute: Hashable, Sendable {
    /// `GET`; the answer is a ``StatusReport``.
    case status
    /// `GET`; of the server, or of the cache of this name; the answer is an ``IdentityReport``.
    case identity(cache: String?)
    /// `GET`; the answer is an ``ExplainReport``.
    case explain(StorePathHash)
    /// `POST` of a ``CollectRequest``; the answer is a ``CollectReport``.
    case collect
    /// `POST`; by whom the order is allowed, see ``isOrder``.
    case caches(CacheOrder)
    case tokens(TokenOrder)
    case pins(PinOrder)
    /// `POST` of a ``DeltaOrder``; the answer is as that has it.
    case deltas
    /// What is pushed to a cache, by its name.
    case push(cache: String, PushStep)

    /// Whether it has a body that goes where its head says: a `POST` with a token that may push.
    package var isPush: Bool { if case .push = self { true } else { false } }

    /// Whether a `POST` to it has a body that is no order: one that is decided on by its head.
    package var takesBodies: Bool { isPush || self == .deltas }

    /// Whether it changes something, or tells what is not everybody's: a `POST` on the control socket
    /// or, for caches and tokens, with a token that may administer them.
    package var isOrder: Bool {
        switch self {
        case .status, .identity, .explain, .push, .deltas: false
        case .collect, .caches, .tokens, .pins: true
        }
    }

    /// The media type of every body.
    package static let contentType = "application/json"

    /// Reads the path of a request target, which starts with a slash and has no query.
    ///
    /// - Returns: `nil` for whatever is no question of Firn's.
    package init?(parsing path: some StringProtocol) {
        let words = String(path).split(separator: "/", omittingEmptySubsequences: false)
            .map(String.init)
        guard words.count >= 4, words[..<3] == ["", "api", "v1"] else { return nil }
        let rest = Array(words[3...])
        switch (rest.count, rest[0]) {
        case (1, "status"): self = .status
        case (1, "identity"): self = .identity(cache: nil)
        case (2, "identity"):
            guard Self.isPlain(rest[1]) else { return nil }
            self = .identity(cache: rest[1])
        case (1, "collect"): self = .collect
        case (1, "deltas"): self = .deltas
        case (2, "explain"):
            guard let hash = try? StorePathHash(parsing: rest[1]) else { return nil }
            self = .explain(hash)
        case (2, "caches"):
            guard let order = CacheOrder(rawValue: rest[1]) else { return nil }
            self = .caches(order)
        case (2, "tokens"):
            guard let order = TokenOrder(rawValue: rest[1]) else { return nil }
            self = .tokens(order)
        case (2, "pins"):
            guard let order = PinOrder(rawValue: rest[1]) else { return nil }
            self = .pins(order)
        case (3..., "push"):
            guard Self.isPlain(rest[1]),
                let step = PushStep(words: rest.dropFirst(2))
            else { return nil }
            self = .push(cache: rest[1], step)
        default: return nil
        }
    }

    /// The target, which needs no escaping.
    package var path: String {
        switch self {
        case .status: "/api/v1/status"
        case .identity(let cache): "/api/v1/identity" + (cache.map { "/\($0)" } ?? "")
        case .explain(let hash): "/api/v1/explain/\(hash)"
        case .collect: "/api/v1/collect"
        case .deltas: "/api/v1/deltas"
        case .caches(let order): "/api/v1/caches/\(order.rawValue)"
        case .tokens(let order): "/api/v1/tokens/\(order.rawValue)"
        case .pins(let order): "/api/v1/pins/\(order.rawValue)"
        case .push(let cache, let step): "/api/v1/push/\(cache)/\(step.text)"
        }
    }

    /// What any name of a cache is made of: nothing that a target would have to escape.
    private static func isPlain(_ name: String) -> Bool {
        (1...100).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D || $0 == 0x5F
            }
    }
}
