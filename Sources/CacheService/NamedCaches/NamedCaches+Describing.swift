// SPDX-License-Identifier: Apache-2.0
package import Caches

extension NamedCaches {
    /// A cache as it is registered, for who may know of it.
    ///
    /// - Throws: ``CacheError/notFound`` for anybody else.
    package func describe(_ name: CacheName, for visitor: Visitor) async throws -> NamedCache {
        try await requireVisible(name, to: visitor)
    }
}
