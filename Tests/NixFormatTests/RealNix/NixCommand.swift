// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The `nix` of this machine, with a home and a store of its own.
struct NixCommand {
    let directory: URL

    /// Whether there is one.
    static let isInstalled = (try? run(["nix", "--version"], in: URL(filePath: "/"))) != nil

    /// The version's first two numbers.
    static func version() throws -> (Int, Int) {
        let output = try run(["nix", "--version"], in: URL(filePath: "/"))
        let word = String(decoding: output, as: UTF8.self).split(separator: " ").last ?? ""
        let numbers = word.split(separator: ".").map { Int($0.prefix { $0.isNumber }) ?? 0 }
        return (numbers.first ?? 0, numbers.dropFirst().first ?? 0)
    }

    /// Runs the body with a folder that is gone afterwards.
    static func with(_ body: (NixCommand) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory
            .appending(path: "nix-format-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer {
            // Store paths are read-only.
            _ = try? run(["chmod", "-R", "u+w", directory.path], in: directory)
            try? FileManager.default.removeItem(at: directory)
        }
        try body(NixCommand(directory: directory))
    }

    /// What a command writes to its standard output.
    @discardableResult func run(_ words: String...) throws -> [UInt8] {
        try Self.run(words, in: directory)
    }

    /// A file or folder in the folder.
    func path(_ name: String) -> String { directory.appending(path: name).path }

    struct Failed: Error {
        let words: [String]
        let status: Int32
        let message: String
    }

    private static func run(_ words: [String], in directory: URL) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        process.currentDirectoryURL = directory
        process.environment = ProcessInfo.processInfo.environment.merging([
            "HOME": directory.path,
            "NIX_CONFIG": """
            experimental-features = nix-command
            sandbox = false
            build-users-group =
            substituters =
            """,
        ]) { $1 }
        let output = Pipe()
        let errors = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try Data().write(to: errors)
        defer { try? FileManager.default.removeItem(at: errors) }
        process.standardOutput = output
        process.standardError = try FileHandle(forWritingTo: errors)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let message = try String(contentsOf: errors, encoding: .utf8)
            throw Failed(words: words, status: process.terminationStatus, message: message)
        }
        return Array(data)
    }
}
