// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// A narinfo that the depot keeps, and the object that it names.
package struct KeptNARInfo: Hashable, Sendable {
    package let narInfo: NARInfo
    package let object: ObjectInfo

    package var key: ObjectKey { object.key }

    package init(narInfo: NARInfo, object: ObjectInfo) {
        self.narInfo = narInfo
        self.object = object
    }
}

extension NARInfo {
    /// The object of a depot that the URL names; `nil` when it is none.
    var objectKey: ObjectKey? {
        guard url.hasPrefix("nar/") else { return nil }
        return try? ObjectKey(parsing: url.dropFirst(4))
    }

    /// The same path, with the object as what is behind the URL.
    func naming(_ object: ObjectInfo) -> NARInfo {
        var result = self
        result.url = "nar/\(object.key)"
        result.compression =
            switch object.key.form {
            case .identity: .none
            case .zstd: .zstd
            }
        result.fileHash = object.fileHash
        result.fileSizeBytes = object.sizeBytes
        return result
    }

    /// The same with further signatures at the end, none of them twice.
    func adding(_ signatures: [Signature]) -> NARInfo {
        var result = self
        for signature in signatures where !result.signatures.contains(signature) {
            result.signatures.append(signature)
        }
        return result
    }

    /// Whether this is about the NAR of that object, and about a size that it can have.
    func describes(_ object: ObjectInfo) -> Bool {
        guard storePath.hash == object.key.storeHash, narHash == object.key.narHash,
            narSizeBytes > 0
        else { return false }
        return object.key.form != .identity || narSizeBytes == object.sizeBytes
    }
}
