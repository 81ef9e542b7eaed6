// SPDX-License-Identifier: Apache-2.0
import Logging
import Synchronization

/// Says once why tokens are refused, however often they come.
///
/// A client asks hundreds of times with the same token, and a stranger may ask with any number of
/// them, so each reason is written once in ten minutes, and no more than some hundred altogether.
final class RefusalLog: Sendable {
    private struct Entry: Hashable {
        let issuer: String
        let subject: String
        let cause: String
    }

    private struct Window {
        var began: ContinuousClock.Instant?
        var entries: Set<Entry> = []
    }

    private static let window = Duration.seconds(600)
    private static let maximumEntries = 100
    private static let maximumShownCharacters = 200

    private let logger: Logger
    private let state = Mutex(Window())

    init(_ logger: Logger) { self.logger = logger }

    /// `issuer` is as the token has it, if at all; `subject` only that of a token which its issuer
    /// has signed.
    func note(
        _ refusal: Refusal,
        issuer: String?,
        subject: String?,
        at now: ContinuousClock.Instant
    ) {
        let entry = Entry(
            issuer: Self.shown(issuer),
            subject: Self.shown(subject),
            cause: "\(refusal)"
        )
        let isNew = state.withLock { state in
            if state.began.map({ now >= $0 + Self.window }) ?? true {
                state = Window(began: now)
            }
            guard state.entries.count < Self.maximumEntries else { return false }
            return state.entries.insert(entry).inserted
        }
        guard isNew else { return }
        logger.notice(
            "an identity was refused: the token \(entry.cause)",
            metadata: ["issuer": "\(entry.issuer)", "subject": "\(entry.subject)"]
        )
    }

    /// Text of a stranger, so that it stays on its line.
    private static func shown(_ text: String?) -> String {
        guard let text else { return "-" }
        let plain = text.unicodeScalars.prefix(maximumShownCharacters).map { scalar in
            (0x21...0x7E).contains(scalar.value) ? Character(scalar) : "?"
        }
        return String(plain)
    }
}
