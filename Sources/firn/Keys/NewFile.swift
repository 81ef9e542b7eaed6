// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Files that appear whole, under a name that was free, or not at all.
enum NewFile {
    static func write(_ text: String, to path: String, mode: mode_t) throws(KeyFileError) {
        let unfinished = "\(path).\(UInt64.random(in: 0 ... .max)).unfinished"
        let descriptor = unsafe open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw .notWritable(path: path, reason: lastError()) }
        defer { unsafe unlink(unfinished) }
        try fill(descriptor, with: Array(text.utf8), mode: mode, path: path)
        // A link, unlike a rename, never takes the place of a file that is there.
        guard unsafe link(unfinished, path) == 0 else {
            throw errno == EEXIST
                ? .alreadyThere(path: path) : .notWritable(path: path, reason: lastError())
        }
    }

    private static func fill(
        _ descriptor: Int32,
        with bytes: [UInt8],
        mode: mode_t,
        path: String
    ) throws(KeyFileError) {
        defer { close(descriptor) }
        // A few hundred bytes go to a regular file in one call, or there is no space for them.
        let written = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
        }
        guard written == bytes.count else {
            throw .notWritable(path: path, reason: written < 0 ? lastError() : "no space is left")
        }
        // The umask may have taken away what the public key needs.
        guard fchmod(descriptor, mode) == 0, fsync(descriptor) == 0 else {
            throw .notWritable(path: path, reason: lastError())
        }
    }

    private static func lastError() -> String {
        unsafe String(cString: strerror(errno)).lowercased()
    }
}
