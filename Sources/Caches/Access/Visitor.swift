// SPDX-License-Identifier: Apache-2.0

/// Who asks, as far as it was proved.
package enum Visitor: Hashable, Sendable {
    /// Without a token, or with one that is not known, has expired or was revoked.
    case anonymous
    case token(AccessToken)
    /// By an issuer that the configuration names, until their token ends.
    case vouched(VouchedVisitor)
    /// This process's own user or root, over the control socket.
    case owner

    /// Whether a cache's contents may be read.
    package func mayRead(_ cache: NamedCache) -> Bool {
        cache.settings.isPublic || may(.pull, cache.name)
    }

    /// Whether it may be known which paths are there: who adds to a cache has to see what is missing.
    package func maySee(_ cache: NamedCache) -> Bool {
        mayRead(cache) || may(.push, cache.name)
    }

    package func may(_ permission: Permissions, _ name: CacheName) -> Bool {
        switch self {
        case .anonymous: false
        case .token(let token):
            token.caches.matches(name) && token.permissions.isSuperset(of: permission)
        case .vouched(let visitor): visitor.permissions(on: name).isSuperset(of: permission)
        case .owner: true
        }
    }

    /// Whether all caches of a pattern are this one's to administer: its tokens may reach no further.
    package func mayAdminister(_ pattern: CachePattern) -> Bool {
        switch self {
        case .anonymous, .vouched: false
        case .token(let token):
            token.permissions.contains(.admin) && token.caches.covers(pattern)
        case .owner: true
        }
    }

    /// Whether there is anything to administer for this one.
    package var isAdministrator: Bool {
        switch self {
        case .anonymous, .vouched: false
        case .token(let token): token.permissions.contains(.admin)
        case .owner: true
        }
    }
}
