// SPDX-License-Identifier: Apache-2.0

package import Depot

/// Why the daemon does not start.
package enum ServeError: Error, Hashable, Sendable, CustomStringConvertible {
    case cannotListen(ServeAddress, reason: String)
    case unusableTLS(path: String, reason: String)
    case storeMissing(root: String)
    case storeUnreadable(root: String, reason: String)
    case depotUnusable(path: String, reason: String)
    /// The depot is not one for this configuration or this Firn; `reason` continues the sentence
    /// "the depot …".
    case depotRefused(path: String, reason: String, at: FirnConfiguration.Place?)
    /// More is kept than may be.
    case depotTooLarge(
        path: String,
        storedBytes: UInt64,
        maximum: ByteSize,
        at: FirnConfiguration.Place?
    )
    /// The bucket of the depot does not do what it has to.
    case bucketUnusable(location: String, S3Problem, at: FirnConfiguration.Place?)
    /// The database of the catalog does not do what it has to.
    case catalogUnusable(location: String, PostgresProblem, at: FirnConfiguration.Place?)
    /// Another process has it.
    case depotInUse(path: String, processID: Int32?)

    package var description: String {
        switch self {
        case .cannotListen(let address, let reason):
            "\(address): cannot listen: \(reason); name another with --listen"
        case .unusableTLS(let path, let reason):
            "\(path): not usable for TLS: \(reason)"
        case .storeMissing(let root):
            "\(root): there is no nix/store below it; install Nix, or name a store with --store"
        case .storeUnreadable(let root, let reason):
            "\(root): the store cannot be read: \(reason)"
        case .depotUnusable(let path, let reason):
            "\(path): the depot cannot be used: \(reason); depot.location names another folder"
        case .depotRefused(let path, let reason, let place):
            place.map { "\($0): the depot \(path) \(reason)" } ?? "\(path): the depot \(reason)"
        case .depotTooLarge(let path, let stored, let maximum, let place):
            (place.map { "\($0) is" } ?? "depot.max-size is not set, which means")
                + " \(maximum), but the depot \(path) holds \(stored) bytes already; raise it, or"
                + " let go of the rest with firn gc"
        case .bucketUnusable(let location, let problem, let place):
            (place.map { "\($0): " } ?? "") + "the bucket \(location): \(problem)"
        case .catalogUnusable(let location, let problem, let place):
            (place.map { "\($0): " } ?? "") + "the catalog \(location): \(problem)"
        case .depotInUse(let path, let processID):
            "\(path): another Firn uses this depot\(processID.map { " (process \($0))" } ?? "")"
                + "; stop it, or name another depot"
        }
    }
}
