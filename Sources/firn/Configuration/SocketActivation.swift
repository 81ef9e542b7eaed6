// SPDX-License-Identifier: Apache-2.0

/// The sockets that a service manager opened before it started us.
///
/// - Source: sd_listen_fds(3): `LISTEN_PID` names the process they are for, `LISTEN_FDS` how many
///   there are; they start at descriptor 3.
package enum SocketActivation {
    private static let firstDescriptor: Int32 = 3
    private static let mostSockets: Int32 = 1_024

    /// - Returns: `nil` when no sockets were handed to this process.
    package static func addresses(
        _ environment: [String: String],
        processID: Int32
    ) throws(ConfigurationError) -> [ServeAddress]? {
        guard let pidText = environment["LISTEN_PID"], let countText = environment["LISTEN_FDS"]
        else { return nil }
        guard let pid = Int32(pidText) else {
            throw .badSocketActivation(variable: "LISTEN_PID", value: pidText)
        }
        guard pid == processID else { return nil }
        guard let count = Int32(countText), (0...mostSockets).contains(count) else {
            throw .badSocketActivation(variable: "LISTEN_FDS", value: countText)
        }
        guard count > 0 else { return nil }
        return (0..<count).map { .inherited(descriptor: firstDescriptor + $0) }
    }
}
