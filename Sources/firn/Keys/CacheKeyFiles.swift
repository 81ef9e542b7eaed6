// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import Foundation
import NixFormat

/// The keys of named caches: a file each, which stays when its cache is deleted.
struct CacheKeyFiles: CacheKeyring {
    /// `cache-keys` in the state folder.
    let folder: String
    private let hostLabel: String

    init(stateFolder: String, hostName: String) {
        folder = "\(stateFolder)/cache-keys"
        hostLabel = SigningKeyFiles.label(hostName)
    }

    func find(_ name: CacheName) throws -> SecretKey? {
        let path = path(of: name)
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return try SecretKeyFile.read(path)
    }

    func make(_ name: CacheName) throws -> SecretKey {
        if let known = try find(name) { return known }
        do {
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw KeyFileError.notWritable(path: path(of: name), reason: error.localizedReason)
        }
        let key = try SecretKey.generate(name: "\(name).\(hostLabel)-1")
        do {
            try NewFile.write(key.secretText(), to: path(of: name), mode: 0o600)
            return key
        } catch .alreadyThere {
            // Somebody else was faster; that key is as good.
            return try SecretKeyFile.read(path(of: name))
        }
    }

    private func path(of name: CacheName) -> String { "\(folder)/\(name)" }
}
