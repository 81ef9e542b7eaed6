// SPDX-License-Identifier: Apache-2.0
import CacheService
import HTTPTypes
import NixFormat

extension CacheResponder {
    /// `debuginfo/BUILDID` and `debuginfo/BUILDID.debug`: where a debugger finds the symbols.
    ///
    /// - Shape: `{"archive":"../nar/…","member":"lib/debug/.build-id/ab/cdef….debug"}`.
    func debugInfo(_ buildID: String, _ facts: RequestFacts) async throws -> Answer {
        guard let found = try await tier.resolveDebugInfo(buildID: buildID) else {
            throw CacheError.notFound
        }
        // Both values are made of hexadecimal digits and Nix base-32: nothing needs escaping.
        let text = #"{"archive":"\#(found.archive)","member":"\#(found.member)"}"#
        return Representation(
            contentType: "application/json",
            entityTag: nil,
            lifetime: .short,
            content: .bytes(Array(text.utf8)),
            extraHeaders: [.firnTier: LocalTierName.store]
        ).answer(to: facts)
    }
}
