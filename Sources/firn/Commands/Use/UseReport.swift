// SPDX-License-Identifier: Apache-2.0
import FirnAPI

/// What `firn use --json` prints.
struct UseReport: Encodable {
    struct File: Encodable {
        var path: String
        /// `create`, `change` or `remove`.
        var action: String
        /// As `diff -u` shows it; passwords are stars.
        var diff: [String]
    }

    /// The cache's URL.
    var cache: String
    /// `user`, `system` or `nixos`.
    var form: String
    /// `written`, `planned`, or `unchanged` where all was so already.
    var state: String
    var publicKeys: [String] = []
    var files: [File] = []
    var notes: [String] = []
    var warnings: [String] = []
    /// Whether the running configuration has it; absent where nobody could tell.
    var isInEffect: Bool?

    private enum CodingKeys: String, CodingKey {
        case cache, form, state, files, notes, warnings
        case publicKeys = "public-keys"
        case isInEffect = "in-effect"
    }

    func line() throws -> String { String(decoding: try FirnJSON.write(self), as: UTF8.self) }
}

extension UseReport.File {
    init(_ change: FileChange) {
        self.init(path: change.path, action: change.action.rawValue, diff: change.diff)
    }
}
