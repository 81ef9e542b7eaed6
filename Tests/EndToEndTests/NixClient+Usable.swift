// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

extension NixClient {
    /// Those that are on this machine; ``ClientGenerationTests`` says which are not, and why.
    static var usable: [NixClient] { all.filter(\.isUsable) }

    var isUsable: Bool { whatIsMissing == nil }

    /// Why its tests are skipped.
    var absence: String { whatIsMissing ?? "" }
}

extension NixClientHome {
    /// Whether a path lies in the client's store, finished or not.
    func holds(_ storePath: String) -> Bool {
        FileManager.default.fileExists(atPath: store + storePath)
    }
}
