// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// What a narinfo of another cache must keep before it is believed.
///
/// Every path needs a signature, content-addressed ones too: `CA` is not covered by a signature, and
/// what it claims can only be verified with the NAR at hand.
package struct NARInfoCheck: Sendable {
    package var trust: UpstreamConfiguration.Trust
    package var storeDirectory: StoreDirectory

    package init(trust: UpstreamConfiguration.Trust, storeDirectory: StoreDirectory) {
        self.trust = trust
        self.storeDirectory = storeDirectory
    }

    /// Reads and checks the answer to the question for one path.
    ///
    /// - Parameters:
    ///   - bytes: The whole text.
    ///   - hash: What was asked for; `nil` to take any path.
    ///   - base: What the URL is relative to.
    /// - Returns: A narinfo that is about the path and that the trust covers.
    /// - Throws: ``UpstreamFailure/malformed(_:)`` and ``UpstreamFailure/untrusted``.
    package func check(
        _ bytes: [UInt8],
        for hash: StorePathHash?,
        from base: HTTPURL
    ) throws(UpstreamFailure) -> NARInfo {
        let info: NARInfo
        do throws(NARInfo.ParseError) {
            info = try NARInfo(parsing: bytes, storeDirectory: storeDirectory)
        } catch {
            throw .malformed("not a narinfo: \(error)")
        }
        if let hash, info.storePath.hash != hash {
            throw .malformed("a narinfo of another path, \(info.storePath.hash)")
        }
        guard info.narHash.algorithm == .sha256 else {
            throw .malformed("a NarHash that is not SHA-256")
        }
        guard (try? base.resolving(info.url)) != nil else {
            throw .malformed("a URL that is neither http nor https")
        }
        // No signature covers it, and clients choke on lengths that no file has.
        if let fileSizeBytes = info.fileSizeBytes,
            fileSizeBytes > Self.slackBytes,
            fileSizeBytes - Self.slackBytes > info.narSizeBytes
        {
            throw .malformed("a FileSize of \(fileSizeBytes) for \(info.narSizeBytes) bytes")
        }
        guard isTrusted(info) else { throw .untrusted }
        return info
    }

    /// So much larger than its NAR may a file be: no method of packing adds as much.
    private static let slackBytes: UInt64 = 64 << 20

    private func isTrusted(_ info: NARInfo) -> Bool {
        guard case .keys(let keys) = trust else { return true }
        let fingerprint = info.fingerprint(in: storeDirectory)
        return info.signatures.contains { signature in
            keys.contains { $0.verifies(signature, of: fingerprint) }
        }
    }
}
