// SPDX-License-Identifier: Apache-2.0
package import NixFormat
import NixStore

extension StoreTier {
    /// Where a content-addressed output was built to, in the scheme of Nix up to 2.34.
    ///
    /// - Returns: `nil` when the store does not know the output.
    package func resolveRealisation(_ id: DerivationOutputID) async throws -> RealisationAnswer? {
        let found = try await asking { try await store.findRealisation(id, deadline: $0) }
        guard var found else { return nil }
        found.signatures = sign(found.fingerprint, after: found.signatures)
        return RealisationAnswer(text: found.write())
    }

    /// Where a content-addressed output was built to, in the scheme of Nix 2.35 and later.
    ///
    /// - Returns: `nil` when the store does not know the output.
    package func resolveBuildTrace(
        _ derivation: StorePath,
        output: String
    ) async throws -> RealisationAnswer? {
        let found = try await asking { deadline in
            try await store.findBuildTraceEntry(
                derivation: derivation,
                output: output,
                deadline: deadline
            )
        }
        guard var found else { return nil }
        found.signatures = sign(found.fingerprint, after: found.signatures)
        return RealisationAnswer(text: found.write())
    }

    private func sign(_ fingerprint: [UInt8], after signatures: [Signature]) -> [Signature] {
        keys.adding(to: signatures, fingerprint: fingerprint)
    }
}
