// SPDX-License-Identifier: Apache-2.0

import Foundation

extension Tree {
    /// Writes the tree to disk, bytes of names and all.
    func write(to path: [UInt8]) throws {
        switch self {
        case .regular(let contents, let isExecutable):
            try writeFile(contents, to: path, mode: isExecutable ? 0o755 : 0o644)
        case .symlink(let target): try makeSymlink(to: target, at: path)
        case .directory(let entries):
            try makeDirectory(at: path)
            for entry in entries { try entry.node.write(to: path + [0x2F] + entry.name) }
        }
    }
}

private func writeFile(_ contents: [UInt8], to path: [UInt8], mode: mode_t) throws {
    let descriptor = unsafe open(path.cPath, O_WRONLY | O_CREAT, mode)
    try check(descriptor)
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    try handle.write(contentsOf: Data(contents))
}

private func makeSymlink(to target: [UInt8], at path: [UInt8]) throws {
    try check(unsafe symlink(target.cPath, path.cPath))
}

private func makeDirectory(at path: [UInt8]) throws {
    try check(unsafe mkdir(path.cPath, 0o755))
}

private func check(_ result: Int32) throws {
    guard result >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
}

extension [UInt8] {
    fileprivate var cPath: [CChar] { map { CChar(bitPattern: $0) } + [0] }
}
