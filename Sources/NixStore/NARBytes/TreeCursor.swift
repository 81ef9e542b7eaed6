// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A place in a tree of files, which moves in the order of a NAR.
///
/// Memory is the names of the directories on the way to the current entry.
@safe
struct TreeCursor: ~Copyable {
    enum Kind {
        case regular, directory, symlink
    }

    struct Directory {
        /// -1 while it is closed to save descriptors.
        var descriptor: Int32
        let entries: DirectoryEntries
        /// The entry after the current one.
        var next = 0
    }

    /// Descriptors of directories that stay open; those further up are opened again on the way
    /// back.
    private static let maximumOpen = 16

    private let root: String
    private var stack: [Directory] = []
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 32 << 10, alignment: 8)

    /// Stands at the root itself.
    init(root: String) {
        self.root = root
    }

    deinit {
        for directory in stack where directory.descriptor >= 0 { close(directory.descriptor) }
        unsafe scratch.deallocate()
    }

    /// The directory whose entry is the current one; `nil` at the root.
    var directory: Directory? { stack.last }

    var isAtRoot: Bool { stack.isEmpty }

    /// Which entry of its directory the current one is.
    var index: Int { stack.isEmpty ? 0 : stack[stack.count - 1].next - 1 }

    /// Goes on to the next entry of the directory that was entered last.
    ///
    /// - Returns: `false` when it has no more.
    mutating func advance() -> Bool {
        let top = stack.count - 1
        guard stack[top].next < stack[top].entries.count else { return false }
        stack[top].next += 1
        return true
    }

    /// The bytes of the current entry's name, for as long as `body` runs; none at the root.
    func withNameBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let top = stack.count - 1
        guard top >= 0 else { return unsafe body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        return unsafe stack[top].entries.withNameBytes(at: stack[top].next - 1, body)
    }

    /// - Throws: ``TreeFailure``, for what a NAR cannot hold, too.
    func kind() throws -> Kind {
        switch Int(stack.isEmpty ? 0 : stack[stack.count - 1].entries.entries[index].type) {
        case DT_REG: return .regular
        case DT_DIR: return .directory
        case DT_LNK: return .symlink
        case DT_UNKNOWN: break
        default: throw TreeFailure.unsupportedFile(file: file)
        }
        switch try status().st_mode & S_IFMT {
        case S_IFREG: return .regular
        case S_IFDIR: return .directory
        case S_IFLNK: return .symlink
        default: throw TreeFailure.unsupportedFile(file: file)
        }
    }

    /// The status of the entry itself, a symlink's included.
    func status() throws -> stat {
        var status = stat()
        let code = unsafe withName { directory, name in
            unsafe fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno
        }
        guard code == 0 else { throw failure(code) }
        return status
    }

    func openRegular() throws -> NARWalkFile {
        // Without O_NONBLOCK a pipe in place of the file would hold us for ever.
        let descriptor = try open(O_RDONLY | O_NONBLOCK)
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw TreeFailure.unsupportedFile(file: file)
        }
        return NARWalkFile(descriptor: descriptor, status: status)
    }

    func linkTarget() throws -> [UInt8] {
        let count = unsafe withName { directory, name in
            let room = unsafe scratch.assumingMemoryBound(to: CChar.self)
            let start = unsafe room.baseAddress.unsafelyUnwrapped
            let count = unsafe readlinkat(directory, name, start, room.count)
            return count < 0 ? -Int(errno) : count
        }
        guard count >= 0 else { throw failure(Int32(-count)) }
        return unsafe Array(scratch[..<count])
    }

    /// Goes into the current entry, to stand before its first one.
    mutating func enter() throws {
        let descriptor = try open(O_RDONLY | O_DIRECTORY)
        do {
            let entries = try unsafe DirectoryEntries(reading: descriptor, with: scratch)
            stack.append(Directory(descriptor: descriptor, entries: entries))
        } catch let error as SystemError {
            close(descriptor)
            throw failure(error.code)
        }
        let tooFarUp = stack.count - 1 - Self.maximumOpen
        if tooFarUp >= 0 {
            close(stack[tooFarUp].descriptor)
            stack[tooFarUp].descriptor = -1
        }
    }

    /// Goes back to the directory as an entry of the one above.
    mutating func leave() throws {
        let left = stack.removeLast()
        defer { close(left.descriptor) }
        guard let parent = stack.last, parent.descriptor < 0 else { return }
        let descriptor = unsafe openat(left.descriptor, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(errno) }
        stack[stack.count - 1].descriptor = descriptor
    }

    /// The path of the current entry, for people.
    var file: String {
        let names = stack.filter { $0.next > 0 }.map { directory in
            String(decoding: directory.entries.name(at: directory.next - 1), as: UTF8.self)
        }
        return ([root] + names).joined(separator: "/")
    }

    func failure(_ code: Int32) -> TreeFailure { .system(file: file, code: code) }

    private func open(_ flags: Int32) throws -> Int32 {
        let descriptor = unsafe withName { directory, name in
            let descriptor = unsafe openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC)
            return descriptor < 0 ? -errno : descriptor
        }
        guard descriptor >= 0 else { throw failure(-descriptor) }
        return descriptor
    }

    /// Calls `body` with what `openat` and its relatives want for the current entry.
    private func withName<Result>(_ body: (Int32, UnsafePointer<CChar>) -> Result) -> Result {
        guard !stack.isEmpty else { return unsafe root.withCString { unsafe body(AT_FDCWD, $0) } }
        let top = stack.count - 1
        let descriptor = stack[top].descriptor
        return unsafe stack[top].entries.withName(at: stack[top].next - 1) {
            unsafe body(descriptor, $0)
        }
    }
}

/// Why a tree of files cannot be walked to its end; `file` is for people.
enum TreeFailure: Error {
    case system(file: String, code: Int32)
    /// The file has fewer bytes than it had when it was opened, or not those that it had when it
    /// was looked at.
    case shortFile(file: String)
    case unsupportedFile(file: String)
}
