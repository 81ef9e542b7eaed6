// SPDX-License-Identifier: Apache-2.0

/// Reads files of configuration with what they include, in Nix's order.
package struct ConfReader {
    /// What is behind a path.
    package enum Content: Hashable, Sendable {
        case bytes([UInt8])
        case missing
        /// It is there, and cannot be read; `reason` is the system's word.
        case unreadable(reason: String)
    }

    package enum Failure: Error, Hashable, CustomStringConvertible {
        case malformed(path: String, NixConf.ParseError)
        case includeMissing(path: String, includedBy: String)
        case unreadable(path: String, reason: String)
        /// Files include each other, or more than anybody has.
        case tooManyIncludes(path: String)

        package var description: String {
            switch self {
            case .malformed(let path, let error): "\(path): \(error)"
            case .includeMissing(let path, let file):
                "\(file): includes \(path), which is not there; Nix does not start like this"
            case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
            case .tooManyIncludes(let path):
                "\(path): the files that are included include each other, or are too many"
            }
        }
    }

    private static let deepest = 16
    private static let mostFiles = 200

    private let content: (String) -> Content
    private var files = 0
    private(set) var settings = ClientSettings()

    private init(_ content: @escaping (String) -> Content) { self.content = content }

    /// What is in effect when these files are read one after the other; those that are not there are
    /// passed over.
    ///
    /// `files`: Absolute paths, in the order in which they apply: the last one counts.
    /// `content`: What is behind a path.
    package static func settings(
        of files: [String],
        _ content: @escaping (String) -> Content
    ) throws(Failure) -> ClientSettings {
        var reader = ConfReader(content)
        for file in files {
            switch content(file) {
            case .bytes(let bytes): try reader.apply(bytes, of: file, depth: 0)
            case .missing: continue
            case .unreadable(let reason): throw .unreadable(path: file, reason: reason)
            }
        }
        return reader.settings
    }

    private mutating func apply(
        _ bytes: [UInt8],
        of file: String,
        depth: Int
    ) throws(Failure) {
        files += 1
        guard depth <= Self.deepest, files <= Self.mostFiles else {
            throw .tooManyIncludes(path: file)
        }
        let conf: NixConf
        do throws(NixConf.ParseError) {
            conf = try NixConf(parsing: bytes)
        } catch {
            throw .malformed(path: file, error)
        }
        for statement in conf.statements {
            switch statement {
            case .setting(let name, let words): settings.apply(name, words)
            case .include(let path, let isOptional):
                try include(Self.absolute(path, from: file), isOptional, by: file, depth: depth)
            }
        }
    }

    private mutating func include(
        _ path: String,
        _ isOptional: Bool,
        by file: String,
        depth: Int
    ) throws(Failure) {
        switch content(path) {
        case .bytes(let bytes): try apply(bytes, of: path, depth: depth + 1)
        case .missing where isOptional: return
        case .missing: throw .includeMissing(path: path, includedBy: file)
        case .unreadable(let reason): throw .unreadable(path: path, reason: reason)
        }
    }

    /// A path as a file names it: from the folder of that file on.
    static func absolute(_ path: String, from file: String) -> String {
        guard !path.hasPrefix("/") else { return path }
        return file[..<(file.lastIndex(of: "/") ?? file.startIndex)] + "/" + path
    }
}
