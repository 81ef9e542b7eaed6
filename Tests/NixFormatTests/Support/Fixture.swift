// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Files under `Tests/Fixtures`; its README says what made each.
enum Fixture {
    private static let root = URL(filePath: #filePath)
        .appending(path: "../../../Fixtures").standardizedFileURL

    static func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: root.appending(path: path)))
    }

    static func text(_ path: String) throws -> String {
        String(decoding: try bytes(path), as: UTF8.self)
    }

    /// The paths of a folder's files with this ending.
    static func paths(in folder: String, ending: String) throws -> [String] {
        let path = root.appending(path: folder).path(percentEncoded: false)
        return try FileManager.default.contentsOfDirectory(atPath: path)
            .filter { $0.hasSuffix(ending) }.sorted().map { "\(folder)/\($0)" }
    }
}
