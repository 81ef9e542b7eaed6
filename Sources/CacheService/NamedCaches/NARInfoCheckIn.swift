// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// What a narinfo that is sent to a cache has to be.
struct NARInfoCheckIn {
    let directory: StoreDirectory

    /// Reads a narinfo, and under which name its NAR was sent.
    ///
    /// - Throws: ``CacheError/malformed(_:)`` or ``CacheError/refused(_:)``, saying what is wrong.
    func parse(
        _ text: [UInt8],
        of hash: StorePathHash
    ) throws(CacheError) -> (NARInfo, SentNARName) {
        let narInfo = try parse(text)
        guard narInfo.storePath.hash == hash else {
            throw .refused("\(hash).narinfo is about another path, \(narInfo.storePath)")
        }
        guard narInfo.url.hasPrefix("nar/"),
            let sent = SentNARName(parsing: narInfo.url.dropFirst(4))
        else {
            throw .refused(
                "the URL of \(narInfo.storePath) is not that of a NAR that was sent here"
            )
        }
        guard narInfo.compression == sent.compression else {
            throw .refused("Compression is \(narInfo.compression), and the URL says another")
        }
        return (narInfo, sent)
    }

    /// Reads a narinfo of the store, whatever its NAR is called.
    func parse(_ text: [UInt8]) throws(CacheError) -> NARInfo {
        let narInfo: NARInfo
        do throws(NARInfo.ParseError) {
            narInfo = try NARInfo(parsing: text, storeDirectory: directory)
        } catch {
            throw .malformed("this is no narinfo of \(directory): \(error)")
        }
        guard narInfo.narHash.algorithm == .sha256 else {
            throw .refused("NarHash is not a SHA-256")
        }
        return narInfo
    }

    /// - Throws: ``CacheError/refused(_:)`` when it says something else than the bytes.
    static func require(_ narInfo: NARInfo, describes nar: StagedNAR) throws(CacheError) {
        guard narInfo.narHash == nar.narHash else {
            throw .refused(
                "NarHash of \(narInfo.storePath) is \(narInfo.narHash), but the NAR that was sent has"
                    + " \(nar.narHash)"
            )
        }
        guard narInfo.narSizeBytes == nar.narSizeBytes else {
            throw .refused(
                "NarSize of \(narInfo.storePath) is \(narInfo.narSizeBytes), but the NAR that was"
                    + " sent has \(nar.narSizeBytes) bytes"
            )
        }
        if let fileHash = narInfo.fileHash, fileHash != nar.fileHash {
            throw .refused("FileHash of \(narInfo.storePath) is not that of the file that was sent")
        }
        if let size = narInfo.fileSizeBytes, size != nar.fileSizeBytes {
            throw .refused("FileSize of \(narInfo.storePath) is not that of the file that was sent")
        }
    }
}
