// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore

/// Packs and sends one NAR of many frames: reading, compressing, assembling and sending at once.
///
/// Memory: the packer's window of frames, and from its budget one part that is being filled and
/// those that are being sent.
struct LargePack {
    /// What the parts of a NAR are at most; larger ones for what would have too many of them.
    static func partBytes(_ info: PathInfo) -> Int {
        let small = 8 << 20
        // Some room for a NAR that grows by being compressed.
        let isFew = { (bytes: Int) in info.narSizeBytes <= UInt64(bytes) * 9_000 }
        return isFew(small) ? small : isFew(small * 2) ? small * 2 : small * 4
    }

    private enum Step: Sendable {
        case read(FrameBuffer)
        case compressed(place: Int, bytes: [UInt8], buffer: FrameBuffer)
        case assembled([Piece], buffer: FrameBuffer?)
        case sent(PartReceipt)
    }

    private struct Piece: Sendable {
        let number: Int
        let bytes: [UInt8]
    }

    private struct Compressed {
        let bytes: [UInt8]
        let buffer: FrameBuffer
    }

    let packer: Packer
    let info: PathInfo
    /// Sends one part, as often as it takes.
    let send: @Sendable (UploadPart) async throws -> PartReceipt
    /// Told how far reading is, in bytes of the NAR.
    let onRead: @Sendable (Int) -> Void

    /// - Returns: The path, and the receipts of its parts in their order.
    func run() async throws -> (PackedPath, [PartReceipt]) {
        let reader = try await packer.run { try packer.store.openNAR(info, range: nil) }
        let assembler = PartAssembler(
            partBytes: Self.partBytes(info),
            hashes: packer.hashesFiles
        )
        let receipts = try await withThrowingTaskGroup(of: Step.self) { group in
            try await steps(reader, assembler, &group)
        }
        let packed = PackedPath(
            info: info,
            fileHash: assembler.fileHash,
            fileSizeBytes: assembler.fileSizeBytes
        )
        return (packed, receipts.sorted { $0.number < $1.number })
    }

    private func steps(
        _ reader: NARReader,
        _ assembler: PartAssembler,
        _ group: inout ThrowingTaskGroup<Step, any Error>
    ) async throws -> [PartReceipt] {
        var line = Line()
        var receipts: [PartReceipt] = []
        try await packer.largeGate.take(1)
        var holdsGate = true
        defer { if holdsGate { packer.largeGate.giveBack(1) } }
        // The part that is being filled has its memory from the start.
        try await packer.budget.take(assembler.partBytes)
        var holdsPart = true
        defer { if holdsPart { packer.budget.giveBack(assembler.partBytes) } }
        while true {
            start(&line, reader, assembler, &group)
            guard let step = try await group.next() else { return receipts }
            switch step {
            case .read(let buffer):
                line.isReading = false
                line.readBytes += UInt64(buffer.count)
                onRead(buffer.count)
                let place = line.frames
                line.frames += 1
                group.addTask {
                    let bytes = try await packer.run {
                        try unsafe buffer.withBytes { try unsafe packer.compress($0) }
                    }
                    return .compressed(place: place, bytes: bytes, buffer: buffer)
                }
            case .compressed(let place, let bytes, let buffer):
                line.compressed[place] = Compressed(bytes: bytes, buffer: buffer)
            case .assembled(let pieces, let buffer):
                line.isAssembling = false
                if let buffer { line.idle.append(buffer) }
                if line.isFinished {
                    // Frames are done with; what is left is to wait for the cache.
                    line.idle = []
                    packer.largeGate.giveBack(1)
                    holdsGate = false
                }
                for piece in pieces {
                    let isLast = line.isFinished && piece.number == pieces.last?.number
                    // Its memory goes with it; the next one needs its own before it is filled.
                    group.addTask { .sent(try await sendAndFree(piece, assembler.partBytes)) }
                    holdsPart = false
                    if !isLast {
                        try await packer.budget.take(assembler.partBytes)
                        holdsPart = true
                    }
                }
            case .sent(let receipt):
                receipts.append(receipt)
            }
        }
    }

    /// Starts whatever can go on.
    private func start(
        _ line: inout Line,
        _ reader: NARReader,
        _ assembler: PartAssembler,
        _ group: inout ThrowingTaskGroup<Step, any Error>
    ) {
        let hasRead = line.readBytes == info.narSizeBytes
        if !hasRead, !line.isReading, line.frames - line.assembled < packer.window {
            line.isReading = true
            let buffer = line.idle.popLast() ?? FrameBuffer(byteCount: Packer.frameBytes)
            group.addTask {
                try await packer.run { try unsafe buffer.fill { try unsafe reader.fill($0) } }
                return .read(buffer)
            }
        }
        guard !line.isAssembling else { return }
        if let next = line.compressed.removeValue(forKey: line.assembled) {
            line.isAssembling = true
            line.assembled += 1
            group.addTask {
                let part = try await packer.run {
                    try assembler.append(next.bytes, inputBytes: next.buffer.count)
                }
                let pieces = part.map { [Piece(number: $0.number, bytes: $0.bytes)] } ?? []
                return .assembled(pieces, buffer: next.buffer)
            }
        } else if hasRead, line.assembled == line.frames, !line.isFinished {
            line.isAssembling = true
            line.isFinished = true
            group.addTask {
                let parts = try await packer.run { try assembler.finish() }
                let pieces = parts.map { Piece(number: $0.number, bytes: $0.bytes) }
                return .assembled(pieces, buffer: nil)
            }
        }
    }

    private func sendAndFree(_ piece: Piece, _ partBytes: Int) async throws -> PartReceipt {
        defer { packer.budget.giveBack(partBytes) }
        let offset = UInt64(piece.number - 1) * UInt64(partBytes)
        let part = try await packer.run {
            UploadPart(
                number: piece.number,
                offsetBytes: offset,
                bytes: piece.bytes,
                hasMD5: packer.hashesFiles
            )
        }
        return try await send(part)
    }

    /// How far the frames are.
    private struct Line {
        var readBytes: UInt64 = 0
        var frames = 0
        var assembled = 0
        var isReading = false
        var isAssembling = false
        var isFinished = false
        var compressed: [Int: Compressed] = [:]
        var idle: [FrameBuffer] = []
    }
}
