// SPDX-License-Identifier: Apache-2.0
import CacheService
import NixFormat
import ServiceLifecycle
import Synchronization

/// The changing part of the page, again and again, as server-sent events.
///
/// Each event is the whole of it; what is as before is a comment, by which a connection that nobody
/// reads any more is noticed.
///
/// - Source: HTML Living Standard, section "Server-sent events".
final class StatusEvents: ByteSource {
    private static let interval = Duration.seconds(2)
    /// A browser comes again by itself; a proxy or a sleeping laptop is let go of.
    private static let mostEvents = 300

    private struct State {
        var pending: ArraySlice<UInt8> = []
        var last: NixHash?
        var count = 0
    }

    private let history: StatusHistory
    private let render: @Sendable () async -> HTML
    private let state = Mutex(State())

    /// The history has counted one in that watches, who goes with this object.
    init(_ history: StatusHistory, render: @escaping @Sendable () async -> HTML) {
        self.history = history
        self.render = render
    }

    deinit { history.stopWatching() }

    var mayWait: Bool { true }

    func ready() async throws {
        let count = state.withLock { $0.pending.isEmpty ? $0.count : -1 }
        guard count >= 0, count < Self.mostEvents else { return }
        if count > 0 { try await pause() }
        // A browser that looks on keeps nobody from stopping the server.
        guard !Task.isShuttingDownGracefully else { return }
        let html = await render()
        let hash = SHA256Hasher.hash(html.bytes)
        state.withLock { state in
            let text =
                hash == state.last ? ": as before\n\n" : Self.event(html, isFirst: count == 0)
            state.last = hash
            state.count += 1
            state.pending = Array(text.utf8)[...]
        }
    }

    /// Until there may be news, or the server is about to stop.
    private func pause() async throws {
        let end = ContinuousClock.now + Self.interval
        while ContinuousClock.now < end, !Task.isShuttingDownGracefully {
            try await Task.sleep(for: .milliseconds(250))
        }
    }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        state.withLock { state in
            let piece = state.pending.prefix(buffer.count)
            unsafe buffer.copyBytes(from: piece)
            state.pending = state.pending.dropFirst(piece.count)
            return piece.count
        }
    }

    static func event(_ html: HTML, isFirst: Bool) -> String {
        let lines = html.markup.split(separator: "\n", omittingEmptySubsequences: true)
            .map { "data: \($0)\n" }.joined()
        return (isFirst ? "retry: 3000\n" : "") + lines + "\n"
    }
}
