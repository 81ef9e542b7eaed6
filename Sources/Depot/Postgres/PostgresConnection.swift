// SPDX-License-Identifier: Apache-2.0
import Glibc

/// One connection to PostgreSQL.
///
/// Every call waits, until its deadline, on the thread that makes it. One that is not ``isIdle`` after
/// its transaction is not to be used again.
///
/// Statements are sent with their parameters in one message and leave nothing behind in the session, so
/// that a pooler may give each transaction another connection.
@safe final class PostgresConnection: @unchecked Sendable {
    // SAFETY: libpq lets any thread use a connection, one at a time; `PostgresPool` hands each to one.
    private let handle: OpaquePointer
    private let library: LibPQ
    /// What its changes are marked with, in the form of a `uuid`.
    let identity = (0..<2).map { _ in String(UInt64.random(in: (1 << 60) ... .max), radix: 16) }
        .joined()
    private var changeCount: Int64 = 0

    /// Another number for each change.
    func nextChange() -> Int64 {
        changeCount += 1
        return changeCount
    }

    /// - Throws: `PostgresProblem`, of connecting.
    init(_ location: PostgresLocation, _ library: LibPQ) throws(PostgresProblem) {
        self.library = library
        // What the URL says comes later and counts.
        let parameters = [
            ("connect_timeout", "10"), ("application_name", "firn"), ("keepalives_idle", "30"),
            ("keepalives_interval", "10"), ("keepalives_count", "3"),
            // Of several hosts, the one that is not a replica.
            ("target_session_attrs", "read-write"), ("client_encoding", "UTF8"),
            ("dbname", location.url),
        ]
        let handle = unsafe Self.withTexts(parameters.map { Optional($0.0) } + [nil]) { names in
            unsafe Self.withTexts(parameters.map { Optional($0.1) } + [nil]) { values in
                unsafe library.connect(names, values, 1)
            }
        }
        guard let handle = unsafe handle else { throw .unreachable("out of memory") }
        unsafe self.handle = handle
        // Notices are for whoever types statements.
        _ = unsafe library.setNoticeProcessor(handle, { _, _ in }, nil)
        guard unsafe library.status(handle) == 0 else {
            let message = errorMessage
            throw .ofConnecting(message)
        }
        guard unsafe library.setNonBlocking(handle, 1) == 0 else {
            let message = errorMessage
            throw .unreachable(message)
        }
    }

    deinit { unsafe library.finish(handle) }

    /// 150004 for 15.4.
    var serverVersion: Int { unsafe Int(library.serverVersion(handle)) }

    /// Whether it is whole and has no statement and no transaction under way.
    var isIdle: Bool { unsafe isWhole && library.transactionStatus(handle) == 0 }

    var isWhole: Bool { unsafe library.status(handle) == 0 }

    /// Runs one statement with parameters.
    func run(
        _ statement: String,
        _ values: [PostgresValue],
        until deadline: ContinuousClock.Instant
    ) throws(PostgresProblem) -> PostgresAnswer {
        let texts = values.map(\.wireText)
        // C text ends at its first zero byte, and PostgreSQL's has none either.
        guard !texts.contains(where: { $0?.utf8.contains(0) == true }) else {
            throw .failed(code: "22021", "a text with a zero byte cannot be kept")
        }
        let isSent = unsafe Self.withTexts(texts) { values in
            unsafe library.sendStatement(
                handle,
                statement,
                Int32(texts.count),
                nil,
                values,
                nil,
                nil,
                0
            )
        }
        return try answer(isSent == 1, until: deadline)
    }

    /// Runs statements without parameters, one after the other; the answer is that of the last one
    /// that has rows, or else of the last.
    func run(
        script: String,
        until deadline: ContinuousClock.Instant
    ) throws(PostgresProblem) -> PostgresAnswer {
        try answer(unsafe library.sendScript(handle, script) == 1, until: deadline)
    }

    // MARK: Waiting

    private func answer(
        _ isSent: Bool,
        until deadline: ContinuousClock.Instant
    ) throws(PostgresProblem) -> PostgresAnswer {
        guard isSent else { throw .lost(errorMessage) }
        try sendAll(until: deadline)
        var answer = PostgresAnswer()
        var problem: PostgresProblem?
        while true {
            while unsafe library.isBusy(handle) == 1 {
                try wait(for: Int16(POLLIN), until: deadline)
                guard unsafe library.consumeInput(handle) == 1 else { throw .lost(errorMessage) }
            }
            guard let result = unsafe library.nextResult(handle) else { break }
            defer { unsafe library.clear(result) }
            do throws(PostgresProblem) {
                let next = try unsafe read(result)
                if answer.rows.isEmpty || !next.rows.isEmpty { answer.rows = next.rows }
                answer.changedCount = next.changedCount
                answer.tag = next.tag
            } catch {
                problem = problem ?? error
            }
        }
        // Also where the server said why it is going.
        guard isWhole else { throw .lost(problem.map { "\($0)" } ?? errorMessage) }
        if let problem { throw problem }
        return answer
    }

    private func sendAll(until deadline: ContinuousClock.Instant) throws(PostgresProblem) {
        while true {
            switch unsafe library.flush(handle) {
            case 0: return
            case 1: break
            default: throw .lost(errorMessage)
            }
            // A server that sends before it reads would wait for us for ever.
            let ready = try wait(for: Int16(POLLIN | POLLOUT), until: deadline)
            if ready & Int16(POLLIN) != 0, unsafe library.consumeInput(handle) != 1 {
                throw .lost(errorMessage)
            }
        }
    }

    @discardableResult
    private func wait(
        for events: Int16,
        until deadline: ContinuousClock.Instant
    ) throws(PostgresProblem) -> Int16 {
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { throw .timedOut }
            var entry = unsafe pollfd(fd: library.socket(handle), events: events, revents: 0)
            guard entry.fd >= 0 else { throw .lost(errorMessage) }
            let milliseconds = min(left / .milliseconds(1), 1_000_000)
            let count = unsafe poll(&entry, 1, Int32(milliseconds) + 1)
            if count > 0 { return entry.revents }
            guard count == 0 || errno == EINTR else { throw .lost("poll: \(errno)") }
        }
    }

    // MARK: Answers

    private func read(_ result: OpaquePointer) throws(PostgresProblem) -> PostgresAnswer {
        switch unsafe library.resultStatus(result) {
        // PGRES_COMMAND_OK, PGRES_TUPLES_OK.
        case 1, 2: break
        default:
            // PG_DIAG_SQLSTATE and PG_DIAG_MESSAGE_PRIMARY.
            let code = unsafe field(67, of: result) ?? ""
            guard !code.isEmpty else { throw .lost(errorMessage) }
            throw unsafe .ofAnswer(code: code, field(77, of: result) ?? errorMessage)
        }
        var answer = PostgresAnswer()
        let (rows, columns) = unsafe (library.rowCount(result), library.columnCount(result))
        answer.rows.reserveCapacity(Int(rows))
        for row in 0..<rows {
            answer.rows.append(
                PostgresRow(columns: (0..<columns).map { unsafe value(result, row, $0) })
            )
        }
        if let count = unsafe library.changedCount(result) {
            answer.changedCount = unsafe Int(String(cString: count)) ?? 0
        }
        if let tag = unsafe library.commandTag(result) {
            answer.tag = unsafe String(cString: tag)
        }
        return answer
    }

    private func value(_ result: OpaquePointer, _ row: Int32, _ column: Int32) -> String? {
        guard unsafe library.isNull(result, row, column) == 0,
            let bytes = unsafe library.value(result, row, column)
        else { return nil }
        let count = unsafe Int(library.length(result, row, column))
        return unsafe String(
            decoding: UnsafeBufferPointer(start: bytes, count: count),
            as: UTF8.self
        )
    }

    private func field(_ number: Int32, of result: OpaquePointer) -> String? {
        guard let text = unsafe library.resultErrorField(result, number) else { return nil }
        return unsafe String(cString: text)
    }

    private var errorMessage: String {
        guard let text = unsafe library.errorMessage(handle) else { return "no reason is known" }
        let message = unsafe String(cString: text)
        return message.isEmpty ? "no reason is known" : message
    }

    /// Hands out C texts for the time of the body.
    private static func withTexts<Value>(
        _ texts: [String?],
        _ body: (LibPQ.Texts) -> Value
    ) -> Value {
        let copies = unsafe texts.map { text in unsafe text.flatMap { unsafe strdup($0) } }
        defer { _ = unsafe copies.map { unsafe free($0) } }
        let pointers = unsafe copies.map { unsafe $0.map { unsafe UnsafePointer($0) } }
        return unsafe pointers.withUnsafeBufferPointer { buffer in
            // One element at least, so that there is an address.
            guard let base = buffer.baseAddress else {
                return unsafe Self.withTexts([nil], body)
            }
            return unsafe body(base)
        }
    }
}
