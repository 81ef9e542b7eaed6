// SPDX-License-Identifier: Apache-2.0
import Glibc
import NixFormat

/// The folder in which Nix keeps logs of builds.
///
/// - Shape: `drvs/XX/REST`, the derivation's base name split after two characters, or `drvs/NAME`
///   from before 2012; with `.bz2` unless `compress-build-log` is off.
struct BuildLogFiles {
    private static let forms: [(suffix: String, compression: NARCompression)] = [
        (".bz2", .bzip2), ("", .none), (".zst", .zstd), (".xz", .xz),
    ]

    let directory: String

    /// - Throws: ``LocalStoreError/inputOutput(path:code:)`` for a log that is there and cannot be
    ///   read.
    func open(_ derivation: StorePath) throws -> BuildLog? {
        let name = derivation.description
        let places = [
            "\(directory)/drvs/\(name.prefix(2))/\(name.dropFirst(2))",
            "\(directory)/drvs/\(name)",
        ]
        for place in places {
            for form in Self.forms {
                if let file = try OpenFile.open(place + form.suffix) {
                    return BuildLog(file: file, compression: form.compression)
                }
            }
        }
        return nil
    }
}

extension OpenFile {
    /// - Returns: `nil` when there is no such regular file.
    static func open(_ path: String) throws -> OpenFile? {
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let descriptor = unsafe Glibc.open(path, flags)
        guard descriptor >= 0 else {
            if [ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG].contains(errno) { return nil }
            throw LocalStoreError.inputOutput(path: path, code: errno)
        }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            return nil
        }
        return OpenFile(adopting: descriptor, sizeBytes: UInt64(status.st_size))
    }
}
