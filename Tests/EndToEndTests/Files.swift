// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Writes a file whole.
func write(_ bytes: [UInt8], to path: String) throws {
    try Data(bytes).write(to: URL(filePath: path))
}

/// Reads a file whole.
func read(_ path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(filePath: path)))
}

/// Changes one byte of a file, and nothing that shows in its size.
func flipByte(at offset: Int, in path: String) throws {
    var bytes = try read(path)
    bytes[offset] ^= 1
    try setMode(0o644, of: path)
    let file = try FileHandle(forWritingTo: URL(filePath: path))
    try file.write(contentsOf: bytes)
    try file.close()
}

/// Sets the permission bits.
func setMode(_ mode: Int, of path: String) throws {
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
}
