// SPDX-License-Identifier: Apache-2.0

/// Which caches there are, and which tokens open them.
///
/// - Every call may come from any thread at any time, and is one transaction: all of it or nothing,
///   also when the process ends in it. A call that throws has changed nothing and may be made again.
/// - A change is on the disk when its call returns, and every later call sees it, from whichever
///   thread: there is no memory in front of it that could lag behind.
/// - Every call may wait for a disk.
package protocol CacheRegistry: Sendable {
    /// - Returns: Whether it was added; `false` leaves the one of that name as it is.
    func insert(_ cache: NamedCache) throws -> Bool

    func findCache(_ name: CacheName) throws -> NamedCache?

    /// All of them, by name.
    func listCaches() throws -> [NamedCache]

    /// Puts a cache in place of the one of its name.
    ///
    /// - Returns: Whether there was one; otherwise nothing is added.
    func update(_ cache: NamedCache) throws -> Bool

    /// - Returns: Whether it was there.
    func deleteCache(_ name: CacheName) throws -> Bool

    /// - Returns: Whether it was added; `false` when there is one of that number or secret.
    func insert(_ token: AccessToken) throws -> Bool

    /// The token of this secret, whatever else is true of it.
    func findToken(_ digest: TokenDigest) throws -> AccessToken?

    /// All of them, the oldest first; those of the same second by number.
    func listTokens() throws -> [AccessToken]

    /// - Returns: The token that was there.
    func deleteToken(_ id: TokenID) throws -> AccessToken?
}
