// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import NixFormat

/// Where the depot is to be, held against what is there.
struct DepotPlace {
    private let configuration: FirnConfiguration
    private let directory: String

    init(_ configuration: FirnConfiguration, _ directory: String) {
        self.configuration = configuration
        self.directory = directory
    }

    /// Refuses a place inside of the store, which has nothing in it but what Nix put there, and one
    /// that is no folder; looks only.
    func requireFolder(beside storeDirectory: StoreDirectory) throws(ServeError) {
        var root = configuration.store.root
        while root.hasSuffix("/") { root.removeLast() }
        let store = root + storeDirectory.path
        let (real, realStore) = (Self.resolved(directory), Self.resolved(store))
        if real == realStore || real.hasPrefix(realStore + "/") {
            throw refusal("lies in \(store), the store that is served; name another folder")
        }
        if let facts = FileFacts(of: directory) {
            guard !facts.isFolder else { return }
            throw refusal("is a file, not a folder; name another")
        }
        // Above a default place stands the state folder, whose trouble has words of its own.
        if errno == ENOTDIR, configuration.depot.location != .inState {
            throw refusal("cannot be made: a part of its path is a file; name another folder")
        }
    }

    private func refusal(_ reason: String) -> ServeError {
        .depotRefused(path: directory, reason: reason, at: configuration.depotPlace)
    }

    /// Without links, also where the last parts of the path are still to be made.
    private static func resolved(_ path: String) -> String {
        var (existing, missing) = (path, [Substring]())
        while true {
            if let real = unsafe realpath(existing, nil) {
                defer { unsafe free(real) }
                let base = unsafe String(cString: real)
                let rest = missing.reversed().map { "/\($0)" }.joined()
                return (base == "/" ? "" : base) + rest
            }
            guard let slash = existing.lastIndex(of: "/") else { return path }
            let last = existing[existing.index(after: slash)...]
            if last == ".." { return path }
            if !last.isEmpty, last != "." { missing.append(last) }
            existing = slash == existing.startIndex ? "/" : String(existing[..<slash])
        }
    }
}

extension FirnConfiguration {
    /// Who decided where the depot is.
    var depotPlace: Place? {
        depot.location == .inState
            ? place(of: "server.state") : place(of: "depot.location")
    }
}
