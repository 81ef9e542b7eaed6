// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// Opens what lies beneath one store path, and never anything else, whatever symlinks say.
///
/// The kernel keeps the confinement where it can (`openat2`, Linux 5.6). Where it cannot, no
/// symlink is followed at all.
struct ConfinedDirectory {
    private static let beneath = UInt64(FIRN_RESOLVE_BENEATH) | UInt64(FIRN_RESOLVE_NO_MAGICLINKS)

    let path: String

    /// - Returns: `nil` for what is not there, leads outside on the way, or is no file or
    ///   directory.
    func open(_ components: [[UInt8]]) throws -> StoreFile? {
        guard components.allSatisfy(Self.isName) else { return nil }
        guard let root = try openRoot() else {
            return components.isEmpty ? try symlinkTarget(in: AT_FDCWD, Array(path.utf8)) : nil
        }
        if components.isEmpty { return try classify(root) }
        guard isDirectory(root) else {
            close(root)
            return nil
        }
        defer { close(root) }
        let descriptor = openBeneath(root, components)
        if descriptor >= 0 { return try classify(descriptor) }
        switch -descriptor {
        case ENOENT, ENOTDIR, ENAMETOOLONG, ENXIO: return nil
        case EXDEV, ELOOP: return try symlinkOutside(root, components)
        default: throw failure(-descriptor)
        }
    }

    private static func isName(_ name: [UInt8]) -> Bool {
        !name.isEmpty && name != [0x2E] && name != [0x2E, 0x2E]
            && !name.contains(0x2F) && !name.contains(0)
    }

    /// - Returns: `nil` when there is nothing to open, because it is missing or a symlink itself.
    private func openRoot() throws -> Int32? {
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let descriptor = unsafe Glibc.open(path, flags)
        if descriptor >= 0 { return descriptor }
        if errno == ENOENT || errno == ELOOP || errno == ENXIO { return nil }
        throw failure(errno)
    }

    /// - Returns: A descriptor, or the negative `errno`.
    private func openBeneath(_ root: Int32, _ components: [[UInt8]]) -> Int32 {
        let flags = UInt64(O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        let relative = Array(components.joined(separator: [0x2F]))
        // EAGAIN: something was renamed meanwhile, anywhere, so the kernel is not sure.
        for _ in 0..<100 {
            let descriptor = unsafe Self.withCString(relative) {
                unsafe firn_openat2(root, $0, flags, Self.beneath)
            }
            if descriptor >= 0 { return descriptor }
            if errno != EAGAIN { break }
        }
        // An old kernel, or a sandbox that does not know the call.
        if errno == ENOSYS || errno == EPERM { return walk(root, components[...]) }
        return -errno
    }

    private func walk(_ root: Int32, _ components: ArraySlice<[UInt8]>) -> Int32 {
        var directory = root
        for (index, name) in zip(components.indices, components) {
            let isLast = index == components.endIndex - 1
            let kind = isLast ? O_NONBLOCK : O_DIRECTORY
            let descriptor = Self.open(name, in: directory, flags: O_RDONLY | kind)
            let code = errno
            if directory != root { close(directory) }
            guard descriptor >= 0 else { return -code }
            directory = descriptor
        }
        return directory
    }

    /// When what was asked for is itself a symlink to elsewhere, tells where to; otherwise nothing.
    private func symlinkOutside(_ root: Int32, _ components: [[UInt8]]) throws -> StoreFile? {
        guard let name = components.last else { return nil }
        if components.count == 1 { return try symlinkTarget(in: root, name) }
        let parent = openBeneath(root, Array(components.dropLast()))
        guard parent >= 0 else { return nil }
        defer { close(parent) }
        return try symlinkTarget(in: parent, name)
    }

    private func symlinkTarget(in directory: Int32, _ name: [UInt8]) throws -> StoreFile? {
        var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe Self.withCString(name) { name in
            unsafe target.withUnsafeMutableBytes { room in
                unsafe readlinkat(
                    directory,
                    name,
                    room.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self),
                    room.count
                )
            }
        }
        return count < 0 ? nil : .symlinkOutside(target: Array(target[..<count]))
    }

    private func classify(_ descriptor: Int32) throws -> StoreFile? {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            close(descriptor)
            throw failure(errno)
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            let file = OpenFile(adopting: descriptor, sizeBytes: UInt64(status.st_size))
            return .regular(file, isExecutable: status.st_mode & S_IXUSR != 0)
        case S_IFDIR:
            defer { close(descriptor) }
            return .directory(try entries(descriptor))
        default:
            close(descriptor)
            return nil
        }
    }

    private func entries(_ descriptor: Int32) throws -> [StoreFileEntry] {
        let entries: DirectoryEntries
        do {
            entries = try unsafe withUnsafeTemporaryAllocation(byteCount: 32 << 10, alignment: 8) {
                try unsafe DirectoryEntries(reading: descriptor, with: $0)
            }
        } catch let error as SystemError {
            throw failure(error.code)
        }
        return (0..<entries.count).compactMap { index in
            kind(of: index, in: entries, directory: descriptor).map {
                StoreFileEntry(name: entries.name(at: index), kind: $0)
            }
        }
    }

    private func kind(
        of index: Int,
        in entries: DirectoryEntries,
        directory: Int32
    ) -> StoreFileEntry.Kind? {
        switch Int(entries.entries[index].type) {
        case DT_REG: return .regular
        case DT_DIR: return .directory
        case DT_LNK: return .symlink
        case DT_UNKNOWN: break
        default: return nil
        }
        var status = stat()
        let code = unsafe entries.withName(at: index) {
            unsafe fstatat(directory, $0, &status, AT_SYMLINK_NOFOLLOW)
        }
        guard code == 0 else { return nil }
        return switch status.st_mode & S_IFMT {
        case S_IFREG: .regular
        case S_IFDIR: .directory
        case S_IFLNK: .symlink
        default: nil
        }
    }

    private func isDirectory(_ descriptor: Int32) -> Bool {
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private func failure(_ code: Int32) -> LocalStoreError {
        .inputOutput(path: path, code: code)
    }

    private static func open(_ name: [UInt8], in directory: Int32, flags: Int32) -> Int32 {
        unsafe withCString(name) { unsafe openat(directory, $0, flags | O_NOFOLLOW | O_CLOEXEC) }
    }

    private static func withCString<Result>(
        _ name: [UInt8],
        _ body: (UnsafePointer<CChar>) -> Result
    ) -> Result {
        unsafe (name + [0]).withUnsafeBytes { bytes in
            unsafe body(bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self))
        }
    }
}
