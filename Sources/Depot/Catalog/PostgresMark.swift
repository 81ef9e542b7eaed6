// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Which catalog in PostgreSQL knows all that has become of a depot: its number, in a file of the
/// depot's folder.
///
/// Where it is missing or another one, objects may have come and gone without that catalog, by another
/// one or by another machine.
struct PostgresMark {
    private let path: String
    private let placePath: String

    init(directory: String) {
        path = "\(directory)/catalog.postgresql"
        placePath = "\(directory)/catalog.place"
    }

    func read() -> String? { Self.text(at: path) }

    func write(_ number: String) throws { try Self.replace(path, number) }

    func remove() throws {
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw DepotError.fromErrno("unlink", path)
        }
    }

    /// A name for the folder that goes with it wherever it is moved.
    ///
    /// - Shape: The host's name when it was made, and a random number.
    func place() throws -> String {
        if let known = Self.text(at: placePath) { return known }
        let made = "\(ProcessInfo.processInfo.hostName.prefix(100)) \(UUID().uuidString)"
        try Self.replace(placePath, made)
        return made
    }

    private static func text(at path: String) -> String? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        let known = text.trimmingCharacters(in: .whitespacesAndNewlines)
        return known.isEmpty ? nil : known
    }

    private static func replace(_ path: String, _ text: String) throws {
        do {
            try Data("\(text)\n".utf8).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw DepotError.file(operation: "write", path: path, errno: EIO)
        }
    }
}
