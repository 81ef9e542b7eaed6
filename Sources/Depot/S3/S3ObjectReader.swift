// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization

/// Where the bytes of an object are for those who have it open; shared by them.
///
/// When the object goes, or another takes its name, what they read is first copied aside.
final class S3Place: Sendable {
    let status: S3Status
    let number: UInt64
    private let key: ObjectKey
    private let store: S3ObjectStore
    private let current: Mutex<String>

    init(_ key: ObjectKey, _ status: S3Status, number: UInt64, store: S3ObjectStore) {
        self.key = key
        self.number = number
        self.status = status
        self.store = store
        current = Mutex("nar/\(key)")
    }

    deinit { store.lastReaderIsGone(key, number, name) }

    var name: String { current.withLock { $0 } }

    func move(to name: String) { current.withLock { $0 = name } }
}

/// An object of a bucket that is open.
///
/// Who reads on where it has ended gets the next bytes of a request that goes on; who jumps about
/// gets small ranges.
final class S3ObjectReader: ObjectReading {
    /// The least that is asked for where nobody knows whether more will be wanted.
    private static let pieceBytes: UInt64 = 64 << 10
    /// Requests that wait for somebody to read on.
    private static let maximumStreams = 3
    private static let attempts = 3

    let place: S3Place
    private let client: S3Client
    private let state = Mutex(State())

    private struct State {
        var streams: [Stream] = []
        /// Where the last small ranges ended: whoever goes on there is likely to go on further.
        var ends: [UInt64] = []
    }

    private struct Stream {
        let answer: any S3Answer
        var position: UInt64
        let end: UInt64
    }

    init(_ place: S3Place, client: S3Client) {
        self.place = place
        self.client = client
    }

    var sizeBytes: UInt64 { place.status.sizeBytes }
    var localDescriptor: Int32? { nil }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard offset < sizeBytes, buffer.count > 0 else { return 0 }
        let wanted = Int(min(UInt64(buffer.count), sizeBytes - offset))
        var done = 0
        var failures = 0
        var stream: Stream?
        while done < wanted {
            do {
                let position = offset + UInt64(done)
                var current = try stream ?? takeStream(at: position, wanted: wanted - done)
                stream = nil
                let count = try unsafe current.answer.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: buffer[done..<wanted])
                )
                guard count > 0 else { throw S3Problem.unreachable("the answer was cut short") }
                current.position += UInt64(count)
                guard current.position <= current.end else {
                    throw S3Problem.damaged(place.name)
                }
                done += count
                failures = 0
                if current.position < current.end { stream = current } else { end(current) }
            } catch let problem as S3Problem where problem.isPassing {
                failures += 1
                guard failures < Self.attempts else { throw problem }
            }
        }
        if let stream { keep(stream) }
        return wanted
    }

    private func takeStream(at offset: UInt64, wanted: Int) throws -> Stream {
        let (known, goesOn) = state.withLock { state in
            if let index = state.streams.firstIndex(where: { $0.position == offset }) {
                return (state.streams.remove(at: index) as Stream?, true)
            }
            return (nil, offset == 0 || state.ends.contains(offset))
        }
        if let known { return known }
        let piece = min(sizeBytes, offset + max(UInt64(wanted), Self.pieceBytes))
        return try open(offset..<(goesOn ? sizeBytes : piece))
    }

    private func open(_ range: Range<UInt64>) throws -> Stream {
        while true {
            let name = place.name
            var request = S3Client.Request(name: name)
            request.headers["range"] = "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
            // A copy may have another tag than its original.
            let tag = place.status.entityTag
            if name.hasPrefix("nar/"), !tag.isEmpty { request.headers["if-match"] = tag }
            request.accepted = [200, 206, 404, 412, 416]
            let answer = try client.stream(request)
            if [404, 412, 416].contains(answer.status) {
                answer.cancel()
                // It may have been copied aside while we asked.
                guard place.name == name else { continue }
                throw S3Problem.changed(name)
            }
            try check(answer, range, name)
            return Stream(answer: answer, position: range.lowerBound, end: range.upperBound)
        }
    }

    /// That what comes is the range that was asked for, of an object of this size.
    private func check(
        _ answer: any S3Answer,
        _ range: Range<UInt64>,
        _ name: String
    ) throws {
        let isWhole = range == 0..<sizeBytes
        let expected = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(sizeBytes)"
        guard answer.header("content-range") == expected || isWhole && answer.status == 200,
            answer.header("content-length").map({ $0 == "\(range.count)" }) ?? true
        else {
            answer.cancel()
            throw S3Problem.changed(name)
        }
    }

    private func keep(_ stream: Stream) {
        let dropped = state.withLock { state in
            state.streams.append(stream)
            return state.streams.count > Self.maximumStreams ? state.streams.removeFirst() : nil
        }
        dropped?.answer.cancel()
    }

    private func end(_ stream: Stream) {
        state.withLock { state in
            state.ends.append(stream.end)
            if state.ends.count > Self.maximumStreams { state.ends.removeFirst() }
        }
    }
}
