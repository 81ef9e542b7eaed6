// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore

extension PathInfo {
    /// What the depot keeps beside the path's object: with the signatures it has, and ours.
    ///
    /// URL, compression, file hash and file size are the depot's to fill in.
    func narInfo(signedBy keys: SigningKeys, in directory: StoreDirectory) -> NARInfo {
        var narInfo = NARInfo(
            storePath: path,
            url: "",
            compression: .none,
            narHash: narHash,
            narSizeBytes: narSizeBytes,
            references: references,
            deriver: deriver,
            signatures: signatures,
            contentAddress: contentAddress
        )
        let fingerprint = narInfo.fingerprint(in: directory)
        narInfo.signatures = keys.adding(to: signatures, fingerprint: fingerprint)
        return narInfo
    }
}
