// SPDX-License-Identifier: Apache-2.0
import ClientSetup
import Foundation
import Glibc

/// What becomes of one file.
struct FileChange {
    let file: SetupFile
    /// `nil` takes the file away.
    let new: [UInt8]?
    /// Of the file as it will be.
    let mode: mode_t
    /// How many folders above a file that goes may go with it, if they are empty.
    var folders = 0
    /// Whether there are passwords in it.
    let isSecret: Bool

    var path: String { file.path }

    enum Action: String {
        case create, change, remove
    }

    var action: Action { new == nil ? .remove : file.bytes == nil ? .create : .change }

    /// As `diff -u` shows it, without passwords.
    var diff: [String] {
        guard isSecret else { return UnifiedDiff.lines(from: file.bytes, to: new, path: path) }
        let old = file.bytes.map { NetrcText(parsing: $0) }
        let after = new.map { NetrcText(parsing: $0) }
        return UnifiedDiff.lines(
            from: old?.masked(comparedWith: nil),
            to: after?.masked(comparedWith: old),
            path: path
        )
    }

    /// Does it: the file has its old text or its new one, at any moment.
    ///
    /// - Throws: ``UseError/changedMeanwhile(path:)`` when the file is not as it was shown.
    func apply() throws(UseError) {
        let now = try SetupFile.open(file.path)
        guard now.bytes == file.bytes, now.target == file.target else {
            throw .changedMeanwhile(path: path)
        }
        guard let new else {
            guard unsafe unlink(file.target) == 0 else { throw failed() }
            return
        }
        for folder in file.missingFolders {
            guard unsafe mkdir(folder, 0o755) == 0 else {
                // The file before this one may have been in it, too.
                guard errno == EEXIST else { throw failed() }
                continue
            }
            guard unsafe geteuid() != 0 || chown(folder, file.owner, file.group) == 0 else {
                throw failed()
            }
        }
        let unfinished = "\(file.target).\(UInt64.random(in: 0 ... .max)).unfinished"
        let descriptor = unsafe open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failed() }
        defer { unsafe unlink(unfinished) }
        try fill(descriptor, with: new)
        guard unsafe rename(unfinished, file.target) == 0 else { throw failed() }
    }

    private func fill(_ descriptor: Int32, with bytes: [UInt8]) throws(UseError) {
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try handle.write(contentsOf: Data(bytes))
        } catch {
            throw .writeFailed(path: path, reason: error.localizedReason)
        }
        // Only root can give a file away; everybody else's is their own already.
        if geteuid() == 0, fchown(descriptor, file.owner, file.group) != 0 { throw failed() }
        guard fchmod(descriptor, mode) == 0, fsync(descriptor) == 0 else { throw failed() }
    }

    /// Takes the folders away that were made for a file that is gone: when all files are.
    func removeFolders() {
        var folder = SetupFile.parent(of: file.target)
        for _ in 0..<folders {
            // It stays where somebody has put something into it.
            guard unsafe rmdir(folder) == 0 else { return }
            folder = SetupFile.parent(of: folder)
        }
    }

    private func failed() -> UseError { .writeFailed(path: path, reason: SetupFile.reason) }
}
