// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CacheClient
import NixFormat
import NixStore
import Push

extension PinCreate {
    func pinAtCachix(_ cachix: CachixName) async throws {
        var access = try CacheAccessOptions.parse([])
        access.host = host
        access.store = store
        access.config = administration.config
        access.tokenFile = administration.tokenFile
        try access.validate()
        let hash = try StorePathReference.hash(of: path)
        let store = try access.openStore()
        guard let info = try await store.findPathInfo(hash, deadline: .seconds(30)) else {
            throw ClosureWalk.NotValid(hash: hash, path: nil)
        }
        try await access.withCachix(cachix, store, connections: 1) { target in
            try await target.pin(name, to: info.path, keep: keeping)
        }
        StandardOutput.write("pinned \(store.directory.path(of: info.path)) as \(name) in \(cache)")
    }

    private var keeping: PinKeeping {
        if let keepDays { return .days(keepDays) }
        if let keepRevisions { return .revisions(keepRevisions) }
        return keepForever ? .forever : .unsaid
    }
}
