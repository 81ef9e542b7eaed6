// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Synchronization

/// What another programme of this machine prints, within a time.
///
/// Not by Foundation's `Process`, which hears of an end over a loopback connection, and waits for ever
/// where a packet filter drops that.
enum ProgrammeOutput {
    enum Outcome: Sendable {
        /// What it has printed on its standard output, and ended well.
        case output(Data)
        /// There is none of that name in `PATH`.
        case absent
        /// `reason` is the last line of its complaints, or how it ended.
        case failed(reason: String)
        case late
    }

    /// Looks the programme up in `PATH`, without a shell.
    static func run(_ words: [String], limit: Duration) async -> Outcome {
        await Bounded.run(limit + .milliseconds(200)) { run(words, .now + limit) } ?? .late
    }

    /// - Returns: `nil` when it is not there, did not end well, or not in time.
    static func read(_ words: [String], limit: Duration) async -> Data? {
        if case .output(let data) = await run(words, limit: limit) { data } else { nil }
    }

    private static func run(_ words: [String], _ deadline: ContinuousClock.Instant) -> Outcome {
        var child: pid_t = 0
        let (code, channels) = starting.withLock { _ in spawn(words, &child) }
        switch (code, channels) {
        case (ENOENT, _): return .absent
        case (0, let channels?): return outcome(of: child, channels.0, channels.1, deadline)
        default: return .failed(reason: unsafe String(cString: strerror(code)).lowercased())
        }
    }

    private static func outcome(
        of child: pid_t,
        _ output: Channel,
        _ complaints: Channel,
        _ deadline: ContinuousClock.Instant
    ) -> Outcome {
        let isInTime = Channel.read([output, complaints], until: deadline)
        if !isInTime { kill(child, SIGKILL) }
        var status: Int32 = 0
        while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}
        guard isInTime else { return .late }
        let signal = status & 0x7F
        guard signal == 0 else { return .failed(reason: "it ended by signal \(signal)") }
        let code = (status >> 8) & 0xFF
        guard code == 0 else {
            return .failed(reason: lastLine(complaints.data) ?? "it ended with \(code)")
        }
        return .output(output.data)
    }

    /// One at a time: a pipe is inherited by whoever is started before it is said to be ours alone.
    private static let starting = Mutex(())

    /// - Returns: 0, or the system's number of what is in the way, and what the child writes to.
    private static func spawn(
        _ words: [String],
        _ child: inout pid_t
    ) -> (code: Int32, channels: (Channel, Channel)?) {
        guard let output = Channel(), let complaints = Channel() else { return (EMFILE, nil) }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output.writing, 1)
        unsafe posix_spawn_file_actions_adddup2(&actions, complaints.writing, 2)
        let environment = ProcessInfo.processInfo.environment.map { "\($0)=\($1)" }
        let arguments = unsafe words.map { unsafe strdup($0) } + [nil]
        let variables = unsafe environment.map { unsafe strdup($0) } + [nil]
        defer {
            for place in words.indices { unsafe free(arguments[place]) }
            for place in environment.indices { unsafe free(variables[place]) }
        }
        let code = unsafe posix_spawnp(&child, words[0], &actions, nil, arguments, variables)
        // The end of what the child says is seen when nobody can write any more.
        output.closeWriting()
        complaints.closeWriting()
        return (code, (output, complaints))
    }

    /// Without colours, and without the word that Nix begins it with.
    private static func lastLine(_ data: Data) -> String? {
        let plain = String(decoding: data.suffix(8_192), as: UTF8.self)
            .replacing(/\u{1B}\[[0-9;]*m/, with: "")
        let line = plain.split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }.last { !$0.isEmpty }
        return line.map { String($0.trimmingPrefix("error: ")) }
    }

    /// A pipe, and what has come through it.
    private final class Channel {
        private(set) var data = Data()
        private var reading: Int32
        private(set) var writing: Int32
        private var isAtEnd = false

        init?() {
            var ends: [Int32] = [-1, -1]
            guard unsafe pipe(&ends) == 0 else { return nil }
            (reading, writing) = (ends[0], ends[1])
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        }

        deinit {
            close(reading)
            closeWriting()
        }

        func closeWriting() {
            if writing >= 0 { close(writing) }
            writing = -1
        }

        /// Until all have ended.
        ///
        /// - Returns: Whether they have by then.
        static func read(_ channels: [Channel], until deadline: ContinuousClock.Instant) -> Bool {
            while true {
                let open = channels.filter { !$0.isAtEnd }
                guard !open.isEmpty else { return true }
                let left = (deadline - .now) / .milliseconds(1)
                guard left > 0 else { return false }
                var waiting = open.map { pollfd(fd: $0.reading, events: Int16(POLLIN), revents: 0) }
                guard unsafe poll(&waiting, nfds_t(waiting.count), Int32(left)) >= 0 else {
                    continue
                }
                for (channel, state) in zip(open, waiting) where state.revents != 0 {
                    channel.readSome()
                }
            }
        }

        private func readSome() {
            var room = [UInt8](repeating: 0, count: 65_536)
            let count = unsafe Glibc.read(reading, &room, room.count)
            if count > 0 { data.append(contentsOf: room[..<count]) } else { isAtEnd = true }
        }
    }
}
