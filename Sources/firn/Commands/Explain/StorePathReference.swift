// SPDX-License-Identifier: Apache-2.0
import Foundation
package import NixFormat

/// Finds the store path that somebody means.
package enum StorePathReference {
    package struct NotOne: Error, Hashable, CustomStringConvertible {
        package let text: String

        package var description: String {
            "\"\(Printable.line(text))\" is neither a store path, nor a link to one, nor a hash"
        }
    }

    /// As many as the kernel follows.
    private static let mostLinks = 40

    /// Takes a hash, a base name, a path in the store or a link that leads there; the path itself need
    /// not be on this machine.
    package static func hash(of text: String) throws(NotOne) -> StorePathHash {
        if let hash = try? StorePathHash(parsing: text) { return hash }
        // As in a narinfo's name, which is what a server's log has.
        let base = text.hasSuffix(".narinfo") ? String(text.dropLast(8)) : text
        let last = base.split(separator: "/").last.map(String.init) ?? ""
        if base != text, let hash = try? StorePathHash(parsing: last) { return hash }
        if let hash = hashInside(text) { return hash }
        var path = text
        for _ in 0..<mostLinks {
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path)
            else { break }
            path = target.hasPrefix("/") ? target : folder(of: path) + target
            if let hash = hashInside(path) { return hash }
        }
        // A folder above it may be the link: `./result/bin/hello`.
        let real = URL(filePath: text).resolvingSymlinksInPath().path(percentEncoded: false)
        if let hash = hashInside(real) { return hash }
        throw NotOne(text: text)
    }

    /// The first component that is a base name, which is the store path of whatever lies in it.
    private static func hashInside(_ path: String) -> StorePathHash? {
        for component in path.split(separator: "/") {
            if let storePath = try? StorePath(parsing: component) { return storePath.hash }
        }
        return nil
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return String(path[...slash])
    }
}
