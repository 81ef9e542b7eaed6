// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A folder that exists for the time of one closure.
package struct TemporaryDirectory: Sendable {
    /// Absolute and short, so that unix sockets fit beneath it.
    package let path: String

    /// Something beneath such a folder.
    package init(path: String) { self.path = path }

    /// The path of something in the folder; nothing is created.
    package func path(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file and returns its path.
    @discardableResult
    package func write(_ text: String, to name: String, mode: Int = 0o644) throws -> String {
        let file = path(name)
        // Foundation's own way would leave the file open in a programme that another test starts at
        // that moment, and a script that somebody has open for writing cannot be run.
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
        let descriptor = unsafe open(file, flags, 0o600)
        guard descriptor >= 0 else { throw CocoaError(.fileWriteUnknown) }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }

    /// Makes a folder and returns its path.
    @discardableResult
    package func makeDirectory(_ name: String) throws -> String {
        let folder = path(name)
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true
        )
        return folder
    }
}

/// Makes a folder, and removes it with all it holds when the body is done, however it ends.
package func withTemporaryDirectory<Value>(
    _ body: (TemporaryDirectory) async throws -> Value
) async throws -> Value {
    let name = "firn-\(UInt32.random(in: 0...UInt32.max))"
    let path = URL(filePath: NSTemporaryDirectory()).appending(path: name).path()
    let directory = TemporaryDirectory(path: path)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    do {
        let value = try await body(directory)
        try await remove(directory)
        return value
    } catch {
        try? await remove(directory)
        throw error
    }
}

/// Store paths are read-only, which keeps everybody but root from removing them.
private func remove(_ directory: TemporaryDirectory) async throws {
    let script = "[ \"$(id -u)\" = 0 ] || chmod -R u+w \"$0\"; exec rm -rf \"$0\""
    let command = Command("/bin/sh", ["-c", script, directory.path])
    // Whoever ran the body may have been cancelled; the folder goes all the same.
    try await command.run(deadline: .seconds(120)).requireSuccess()
}
