// SPDX-License-Identifier: Apache-2.0
import Logging
import Synchronization

/// Keeps what is logged, with its metadata, for a test to look at.
final class LogCollector: LogHandler {
    private let collected = Mutex<[String]>([])

    var lines: [String] { collected.withLock { $0 } }

    func log(event: LogEvent) {
        let fields = (event.metadata ?? [:]).sorted { $0.key < $1.key }
            .map { " \($0.key)=\($0.value)" }.joined()
        collected.withLock { $0.append("\(event.level): \(event.message)\(fields)") }
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
