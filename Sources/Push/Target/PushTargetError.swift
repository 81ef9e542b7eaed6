// SPDX-License-Identifier: Apache-2.0

/// Why a cache did not do what it was asked for; each case is treated differently.
package enum PushTargetError: Error, Hashable, Sendable {
    /// Nobody answered, or not to the end: tried again for a while.
    case unreachable(reason: String)
    /// The cache asks for patience, or has a fault that may pass: tried again for a while.
    case busy(reason: String, retryAfter: Duration?)
    /// This sender may not push there, or there is no room, whatever it sends: everything ends.
    case refused(reason: String)
    /// This request will never work: its path fails, others go on.
    case rejected(reason: String)
    /// The cache does not know the upload any more: it is begun again.
    case lost(reason: String)

    var isTransient: Bool {
        switch self {
        case .unreachable, .busy: true
        case .refused, .rejected, .lost: false
        }
    }
}

extension PushTargetError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreachable(let reason), .busy(let reason, _), .refused(let reason),
            .rejected(let reason), .lost(let reason):
            reason
        }
    }
}
