// SPDX-License-Identifier: Apache-2.0
package import Caches
package import NixFormat

/// The keys that sign what is pushed to caches, one for each.
///
/// A key is made once, and never again for the same name by itself: clients have put its public half
/// into their configuration.
package protocol CacheKeyring: Sendable {
    /// The key of a cache; `nil` when it is not there.
    func find(_ name: CacheName) throws -> SecretKey?

    /// The key of a new cache: the one that is there already, or one that is made and kept now.
    func make(_ name: CacheName) throws -> SecretKey
}
