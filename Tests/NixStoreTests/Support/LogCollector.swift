// SPDX-License-Identifier: Apache-2.0
import Logging
import Synchronization

/// Keeps what is logged, for a test to look at.
final class LogCollector: LogHandler {
    private let lines = Mutex<[String]>([])

    var messages: [String] { lines.withLock { $0 } }

    func log(event: LogEvent) {
        guard event.level >= .info else { return }
        lines.withLock { $0.append("\(event.message)") }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }

    var logLevel: Logger.Level {
        get { .debug }
        set {}
    }
}
