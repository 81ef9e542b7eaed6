// SPDX-License-Identifier: Apache-2.0
import Glibc
import NixFormat

/// Makes the bytes of a NAR out of a tree of files, as many at a time as the caller has room for.
///
/// Contents are read straight into the caller's buffer; only the framing passes through one of our
/// own. Knows nothing of hashes.
struct NARWalk: ~Copyable {
    /// Windows ahead that the kernel is asked to have ready, for files larger than one.
    static let readAheadBytes: UInt64 = 2 << 20

    private enum Position {
        case start, inside, end
    }

    private var cursor: TreeCursor
    private var position = Position.start
    private var framing: [UInt8] = []
    private var framingOffset = 0
    /// Bytes of the NAR that still come before what the caller wants.
    private var bytesToSkip: UInt64
    private var file = NARWalkFile.none
    private var ahead = OpenAhead()

    /// - Parameters:
    ///   - root: The path of the file, directory or symlink to write.
    ///   - bytesToSkip: Bytes of the NAR to leave out at its start.
    init(root: String, bytesToSkip: UInt64) {
        cursor = TreeCursor(root: root)
        self.bytesToSkip = bytesToSkip
        framing.reserveCapacity(1024)
    }

    deinit {
        if file.descriptor >= 0 { close(file.descriptor) }
        ahead.closeAll()
    }

    /// Fills the buffer as far as the NAR goes.
    ///
    /// - Returns: Fewer bytes than there is room for only when the NAR has ended.
    /// - Throws: ``TreeFailure``. What was written to the buffer by then counts for nothing.
    mutating func produce(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < buffer.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            if framingOffset < framing.count {
                filled += unsafe takeFraming(into: rest)
            } else if file.remainingBytes > 0 {
                filled += try unsafe takeContents(into: rest)
            } else if try !step() {
                break
            }
        }
        return filled
    }

    /// Leaves out bytes that come next, without reading the contents among them.
    mutating func skip(_ count: UInt64) {
        bytesToSkip += count
        // They are of files that may be left out now.
        ahead.closeAll()
        ahead = OpenAhead()
    }

    /// Whether nothing more will come; finds out by walking on, if it has to.
    mutating func hasEnded() throws -> Bool {
        while framingOffset == framing.count, file.remainingBytes == 0 {
            if try !step() { return true }
        }
        return false
    }

    // MARK: Bytes

    private mutating func takeFraming(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let pending = framing.count - framingOffset
        if bytesToSkip > 0 {
            let skipped = Int(min(bytesToSkip, UInt64(pending)))
            bytesToSkip -= UInt64(skipped)
            framingOffset += skipped
            return 0
        }
        let count = min(pending, buffer.count)
        unsafe framing.withUnsafeBytes { bytes in
            let piece = unsafe bytes[framingOffset..<framingOffset + count]
            unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: piece))
        }
        framingOffset += count
        return count
    }

    private mutating func takeContents(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        if bytesToSkip > 0 {
            try skipContents()
            return 0
        }
        if file.descriptor < 0 { try openSkippedFile() }
        let count = Int(min(UInt64(buffer.count), file.remainingBytes))
        file.adviseAhead()
        let started = ahead.startOfTiming(contentBytes: file.sizeBytes)
        let received = unsafe read(file.descriptor, buffer.baseAddress, count)
        if received < 0, errno == EINTR { return 0 }
        guard received >= 0 else { throw cursor.failure(errno) }
        guard received > 0 else { throw TreeFailure.shortFile(file: cursor.file) }
        ahead.endOfTiming(started)
        file.remainingBytes -= UInt64(received)
        if file.remainingBytes == 0 { endFile() }
        return received
    }

    /// Leaves out contents that lie before the wanted range, without reading them.
    private mutating func skipContents() throws {
        let skipped = min(bytesToSkip, file.remainingBytes)
        bytesToSkip -= skipped
        file.remainingBytes -= skipped
        if file.remainingBytes == 0 { return endFile() }
        if file.descriptor < 0 { try openSkippedFile() }
        guard lseek(file.descriptor, Int(skipped), SEEK_CUR) >= 0 else {
            throw cursor.failure(errno)
        }
    }

    /// A file that was only looked at turns out to reach into the wanted range.
    private mutating func openSkippedFile() throws {
        let opened = try cursor.openRegular()
        guard opened.sizeBytes == file.sizeBytes else {
            close(opened.descriptor)
            throw TreeFailure.shortFile(file: cursor.file)
        }
        file.descriptor = opened.descriptor
    }

    // MARK: Nodes

    /// Goes on to the next node and writes its framing.
    ///
    /// - Returns: `false` at the end of the tree.
    private mutating func step() throws -> Bool {
        startFraming()
        switch position {
        case .end:
            return false
        case .start:
            position = .inside
            NARWriter.begin(into: &framing)
            try beginNode()
        case .inside where cursor.advance():
            unsafe cursor.withNameBytes { unsafe NARWriter.beginEntry(name: $0, into: &framing) }
            try beginNode()
        case .inside:
            try cursor.leave()
            NARWriter.endDirectory(into: &framing)
            endNode()
        }
        return true
    }

    private mutating func beginNode() throws {
        switch try cursor.kind() {
        case .regular: try beginFile()
        case .directory:
            try cursor.enter()
            NARWriter.beginDirectory(into: &framing)
        case .symlink:
            NARWriter.symlink(target: try cursor.linkTarget(), into: &framing)
            endNode()
        }
    }

    private mutating func beginFile() throws {
        if bytesToSkip > 0 {
            file = NARWalkFile(descriptor: -1, status: try cursor.status())
        } else {
            file = try openFile()
        }
        NARWriter.beginRegularFile(
            isExecutable: file.isExecutable,
            contentSizeBytes: file.sizeBytes,
            into: &framing
        )
        if file.sizeBytes == 0 { endFile() }
    }

    private mutating func openFile() throws -> NARWalkFile {
        defer { openFilesAhead() }
        if let opened = ahead.take(cursor.index) { return opened }
        let started = ahead.startOfTiming(contentBytes: 0)
        defer { ahead.endOfTiming(started) }
        return try cursor.openRegular()
    }

    private mutating func openFilesAhead() {
        guard ahead.isWanted, let directory = cursor.directory else { return }
        ahead.open(from: directory.next, in: directory)
    }

    private mutating func endFile() {
        file.close()
        startFraming()
        NARWriter.endRegularFile(contentSizeBytes: file.sizeBytes, into: &framing)
        endNode()
    }

    /// What comes after any node: the end of its entry, or of the whole.
    private mutating func endNode() {
        if cursor.isAtRoot {
            position = .end
        } else {
            NARWriter.endEntry(into: &framing)
        }
    }

    private mutating func startFraming() {
        guard framingOffset == framing.count else { return }
        framing.removeAll(keepingCapacity: true)
        framingOffset = 0
    }
}
