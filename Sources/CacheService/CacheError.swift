// SPDX-License-Identifier: Apache-2.0

/// Why the cache cannot give what was asked for.
///
/// Two places turn it into numbers and both must decide on every case: `CacheServer/ErrorResponse`
/// (the HTTP status) and `firn/ExitCode+Errors` (the exit code).
package enum CacheError: Error {
    /// Nothing of that name is here, for certain. Also what an unauthorised reader is told.
    case notFound
    /// The request or the value does not have the form that was promised; the text says what is wrong.
    case malformed(String)
    /// Somebody else may, or this one with credentials; only told of what may be known to be there.
    case notAllowed(String, hasCredentials: Bool)
    /// It cannot be with what is here already.
    case conflict(String)
    /// The bytes or the narinfo are not what they have to be.
    case refused(String)
    /// More than is taken in one piece.
    case tooLarge(String)
    /// More than may go on at once; some of it has to end first.
    case tooMany(String)
    /// More than there is room for.
    case noRoom(String)
    /// The store, its database or the disk did not answer, so nobody knows whether the path exists.
    case storageUnavailable(any Error)
}
