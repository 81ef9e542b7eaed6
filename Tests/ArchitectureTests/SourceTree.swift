// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The files of the checkout that the tests stand in.
enum SourceTree {
    static let root = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL

    static func swiftFiles(below folder: String) throws -> [(path: String, text: String)] {
        let url = root.appending(path: folder)
        return try FileManager.default
            .subpathsOfDirectory(atPath: url.path(percentEncoded: false))
            .filter { $0.hasSuffix(".swift") && !$0.contains(".build/") }
            .map { ($0, try String(contentsOf: url.appending(path: $0), encoding: .utf8)) }
    }
}
