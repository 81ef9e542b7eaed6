// SPDX-License-Identifier: Apache-2.0

extension UpstreamFailure: CustomStringConvertible {
    /// For people, as the end of a sentence about the cache.
    package var description: String {
        switch self {
        case .unavailable: "not asked: it is known to be silent"
        case .resting: "not asked: it wants to be left alone for a while"
        case .unreachable(let reason): "not reachable: \(reason)"
        case .timedOut: "no answer in time"
        case .status(let code): "answered with status \(code)"
        case .malformed(let reason): "answered with something useless: \(reason)"
        case .untrusted: "no signature by one of the tier's keys"
        case .brokenOff(let reason): "broke off: \(reason)"
        case .narMissing: "the NAR that its narinfo names is not there"
        case .loop: "it is this very Firn: what we ask it comes back to us; remove the tier"
        case .asksBack: "asks us back: it has this Firn as a tier of its own"
        }
    }
}
