// SPDX-License-Identifier: Apache-2.0

/// How the shared HTTP client behaves towards every host.
package struct UpstreamClientConfiguration: Sendable {
    /// Until a connection is there, its TLS handshake included.
    package var connect: Duration = .seconds(1)
    /// Connections to one host that ask for narinfos and small files.
    package var questionConnections = 30
    /// Those that carry NARs: others, so that slow NARs never keep a lookup waiting.
    package var transferConnections = 32
    /// Those that only probe.
    package var probeConnections = 2
    /// What `User-Agent` says.
    package var userAgent: String
    /// Certificates to trust in place of the system's, in PEM.
    package var certificateFile: String?

    /// - Parameter version: That of this program.
    package init(version: String) { userAgent = "firn/\(version)" }
}
