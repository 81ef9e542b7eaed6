// SPDX-License-Identifier: Apache-2.0
import CacheService
import NIOCore
import NIOPosix

/// Sends one answer's body on the event loop: files by the kernel, sources from the thread pool.
///
/// While one piece is on its way to the socket the next is read, and never more than that, so the
/// memory of a stream does not depend on the size of the NAR or the speed of the client.
final class LaneTransfer {
    enum Outcome {
        case complete
        /// Nothing was sent yet: the client can still be told why.
        case refused(any Error)
        /// The connection must be broken off, so that the client does not take the part for the whole.
        case broken(any Error)
    }

    /// Read and sent in one go; larger pieces cost memory in each stream and gain nothing measurable.
    static let pieceBytes = 256 << 10
    /// The first piece is smaller, so that the first byte leaves early.
    static let firstPieceBytes = 64 << 10
    /// Handed to the kernel at once; also how often a slow client's progress is noticed.
    static let filePieceBytes: UInt64 = 1 << 20
    static let maximumWritesInFlight = 2

    private let context: ChannelHandlerContext
    private let threads: NIOThreadPool
    private let isChunked: Bool
    private let onMove: () -> Void
    private var onEnd: ((Outcome) -> Void)?
    private var head: ByteBuffer?
    private var parts: ArraySlice<BodyPart>
    private var source: (any ByteSource)?
    private var partSource: (any PartSource)?
    private var sourceRemaining: UInt64?
    private var isFilling = false
    private var writesInFlight = 0
    private(set) var sentBytes: UInt64 = 0

    init(
        _ body: [BodyPart],
        head: ByteBuffer,
        context: ChannelHandlerContext,
        threads: NIOThreadPool,
        onMove: @escaping () -> Void,
        onEnd: @escaping (Outcome) -> Void
    ) {
        self.context = context
        self.threads = threads
        self.head = head
        self.onMove = onMove
        self.onEnd = onEnd
        isChunked = body.contains { $0.sizeBytes == nil }
        parts = body[...]
    }

    /// The connection is gone.
    func cancel() {
        onEnd = nil
        source = nil
        partSource = nil
    }

    /// Does what can be done now, and is called again whenever something has been done.
    func advance() {
        while onEnd != nil, !isFilling, writesInFlight < Self.maximumWritesInFlight {
            guard let part = parts.first else {
                finish()
                break
            }
            switch part {
            case .bytes(let buffer):
                parts.removeFirst()
                send(buffer)
            case .file(let file, let range):
                sendFile(file, range)
            case .source(let open, let range, let sizeBytes):
                if source == nil { sourceRemaining = sizeBytes }
                if source != nil, sourceRemaining == 0 {
                    endSource()
                } else if let partSource, let sourceRemaining {
                    sendPart(of: partSource, sourceRemaining)
                } else {
                    fill(open: open, range: range)
                }
            }
        }
        context.flush()
    }

    private func finish() {
        if let head {
            self.head = nil
            write(.byteBuffer(head))
        }
        // The last piece must be on its way before the connection is anybody else's.
        guard writesInFlight == 0 else { return }
        end(.complete)
    }

    private func end(_ outcome: Outcome) {
        let onEnd = onEnd
        self.onEnd = nil
        source = nil
        partSource = nil
        onEnd?(outcome)
    }

    private func send(_ buffer: ByteBuffer) {
        sendHead()
        sentBytes += UInt64(buffer.readableBytes)
        guard isChunked else { return write(.byteBuffer(buffer)) }
        var framed = context.channel.allocator.buffer(capacity: buffer.readableBytes + 20)
        framed.writeString(String(buffer.readableBytes, radix: 16))
        framed.writeStaticString("\r\n")
        framed.writeImmutableBuffer(buffer)
        framed.writeStaticString("\r\n")
        write(.byteBuffer(framed))
    }

    private func sendHead() {
        guard let head else { return }
        self.head = nil
        context.write(NIOAny(IOData.byteBuffer(head)), promise: nil)
    }

    private func sendFile(_ file: FileContent, _ range: Range<UInt64>) {
        let end = min(range.upperBound, range.lowerBound + Self.filePieceBytes)
        parts.removeFirst()
        if end < range.upperBound {
            parts.insert(.file(file, range: end..<range.upperBound), at: parts.startIndex)
        }
        sendHead()
        write(file, range.lowerBound..<end)
    }

    private func write(
        _ file: FileContent,
        _ range: Range<UInt64>,
        then release: @escaping () -> Void = {}
    ) {
        sentBytes += UInt64(range.count)
        let handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: file.descriptor)
        let region = FileRegion(
            fileHandle: handle,
            readerIndex: Int(range.lowerBound),
            endIndex: Int(range.upperBound)
        )
        write(.fileRegion(region)) {
            // The descriptor is the file's own and stays open.
            _ = try? handle.takeDescriptorOwnership()
            _ = file
            release()
        }
    }

    /// Sends from where the bytes lie, without a thread or a buffer of ours.
    private func sendPart(of source: any PartSource, _ remaining: UInt64) {
        let promise = context.eventLoop.makePromise(of: Void.self)
        let part: ReadyPart
        do {
            part = try source.nextPart(upTo: min(remaining, Self.filePieceBytes)) {
                promise.succeed()
            }
        } catch {
            promise.succeed()
            return fail(error)
        }
        switch part {
        case .none:
            isFilling = true
            return promise.futureResult.assumeIsolated().whenComplete { [self] _ in
                isFilling = false
                advance()
            }
        case .bytes(let bytes, let end):
            sourceRemaining = remaining - UInt64(bytes.count)
            sendHead()
            sentBytes += UInt64(bytes.count)
            write(.byteBuffer(context.channel.allocator.buffer(bytes: bytes))) {
                source.sent(upTo: end)
            }
        case .file(let file, let range):
            sourceRemaining = remaining - UInt64(range.count)
            sendHead()
            write(file, range) { source.sent(upTo: range.upperBound) }
        }
        promise.succeed()
    }

    private func write(_ data: IOData, then release: @escaping () -> Void = {}) {
        writesInFlight += 1
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [self] result in
            release()
            writesInFlight -= 1
            switch result {
            case .success:
                onMove()
                advance()
            case .failure(let error):
                end(.broken(error))
            }
        }
        context.write(NIOAny(data), promise: promise)
    }

    private func fill(
        open: @escaping @Sendable (Range<UInt64>?) throws -> any ByteSource,
        range: Range<UInt64>?
    ) {
        isFilling = true
        let known = source
        // Many clients read one transfer at once; each has up to three pieces in memory.
        let usual = known?.mayWait == true ? Self.pieceBytes / 2 : Self.pieceBytes
        let limit = head == nil ? usual : Self.firstPieceBytes
        let size = Int(min(UInt64(limit), sourceRemaining ?? .max))
        let allocator = context.channel.allocator
        let (eventLoop, threads) = (context.eventLoop, threads)
        // What has to be waited for must not be waited for by a thread.
        let ready =
            known?.mayWait == true
            ? eventLoop.makeFutureWithTask { try await known?.ready() }
            : eventLoop.makeSucceededVoidFuture()
        ready.flatMap {
            threads.runIfActive(eventLoop: eventLoop) { () -> (any ByteSource, ByteBuffer?) in
                let source = try known ?? open(range)
                guard known != nil || !source.mayWait else { return (source, nil) }
                var buffer = allocator.buffer(capacity: size)
                _ = try unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: size) {
                    space in
                    try unsafe source.fill(UnsafeMutableRawBufferPointer(rebasing: space[..<size]))
                }
                return (source, buffer)
            }
        }.assumeIsolated().whenComplete { [self] result in
            isFilling = false
            switch result {
            case .success(let (source, buffer?)): take(buffer, from: source)
            case .success(let (source, nil)):
                guard onEnd != nil else { return }
                self.source = source
                partSource = source as? any PartSource
                advance()
            case .failure(let error): fail(error)
            }
        }
    }

    private func take(_ buffer: ByteBuffer, from source: any ByteSource) {
        guard onEnd != nil else { return }
        self.source = source
        if let remaining = sourceRemaining {
            guard buffer.readableBytes > 0 || remaining == 0 else {
                return fail(ShortBody(missingBytes: remaining))
            }
            sourceRemaining = remaining - UInt64(buffer.readableBytes)
        }
        if buffer.readableBytes > 0 {
            send(buffer)
        } else {
            endSource()
        }
        advance()
    }

    private func endSource() {
        source = nil
        partSource = nil
        parts.removeFirst()
        guard isChunked, parts.isEmpty else { return }
        sendHead()
        write(.byteBuffer(ByteBuffer(string: "0\r\n\r\n")))
    }

    private func fail(_ error: any Error) {
        end(head == nil ? .broken(error) : .refused(error))
    }
}

/// A source ended before it had given what was promised.
struct ShortBody: Error {
    let missingBytes: UInt64
}
