// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
package import Logging

/// Tells when the machine's links, addresses or routes have changed.
///
/// A change comes as a burst of messages: it is told 200 ms after the last of them, and every two
/// seconds while they do not end. Where the kernel does not allow the socket, that is logged, and
/// nothing is ever told.
package struct NetworkWatch: Sendable {
    private static let quietMilliseconds: Int32 = 200
    private static let longestBurst: Duration = .seconds(2)
    private let logger: Logger

    package init(logger: Logger) { self.logger = logger }

    /// The changes from now on, for one reader.
    ///
    /// A socket and a thread live as long as the sequence.
    package func changes() -> AsyncStream<Void> {
        let (stream, changes) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        guard let stop = StopSignal() else {
            logger.warning(
                "changes of the network go unnoticed",
                metadata: ["cause": "no descriptor is free"]
            )
            return stream
        }
        changes.onTermination = { _ in stop.set() }
        let logger = logger
        // The socket is open before anybody waits, so that nothing after this call is missed.
        do {
            let socket = Held(try RouteSocket())
            Thread.detachNewThread { Self.follow(socket, until: stop, changes) }
        } catch {
            logger.warning("changes of the network go unnoticed", metadata: ["cause": "\(error)"])
        }
        return stream
    }

    private static func follow(
        _ held: Held,
        until stop: StopSignal,
        _ changes: AsyncStream<Void>.Continuation
    ) {
        while let isNews = held.socket.wait(orUntil: stop.descriptor, milliseconds: -1) {
            guard isNews else { continue }
            let end = ContinuousClock.now + longestBurst
            while ContinuousClock.now < end {
                let isNews = held.socket.wait(
                    orUntil: stop.descriptor,
                    milliseconds: quietMilliseconds
                )
                guard let isNews else { return }
                if !isNews { break }
            }
            changes.yield()
        }
    }

    /// Carries a socket to its thread.
    private final class Held: Sendable {
        let socket: RouteSocket
        init(_ socket: consuming RouteSocket) { self.socket = socket }
    }
}

/// A pair of sockets of which one becomes readable once, and stays so.
private final class StopSignal: Sendable {
    let descriptor: Int32
    private let writer: Int32

    init?() {
        var ends: [Int32] = [0, 0]
        // SAFETY: two descriptors, as the call wants.
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, type, 0, &ends) == 0 else { return nil }
        (descriptor, writer) = (ends[0], ends[1])
    }

    deinit {
        close(descriptor)
        close(writer)
    }

    func set() {
        var byte: UInt8 = 1
        // SAFETY: one byte.
        _ = unsafe write(writer, &byte, 1)
    }
}
