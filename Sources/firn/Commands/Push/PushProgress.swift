// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore
package import Push

/// How far a push is, in numbers and as bars.
package struct PushProgress: Sendable {
    private struct Path {
        var narBytes: UInt64
        var readBytes: UInt64 = 0
    }

    private static let mostBars = 4
    private let start: ContinuousClock.Instant
    private var narBytes: UInt64 = 0
    private var readBytes: UInt64 = 0
    private var fileBytes: Int = 0
    private var open: [StorePath: Path] = [:]
    private var pause: String?
    package private(set) var paths = 0
    package private(set) var endedPaths = 0

    package init(start: ContinuousClock.Instant = .now) {
        self.start = start
    }

    package mutating func begin(_ plan: PushPlan) {
        paths = plan.itemsToSend.count
        narBytes = plan.itemsToSend.reduce(0) { $0 + $1.info.narSizeBytes }
    }

    package mutating func take(_ event: PushEvent) {
        switch event {
        case .began(let path, let narBytes): open[path] = Path(narBytes: narBytes)
        case .read(let path, let bytes):
            open[path]?.readBytes += UInt64(bytes)
            readBytes += UInt64(bytes)
        case .sent(_, let bytes):
            fileBytes += bytes
            pause = nil
        case .ended(let path, _):
            open[path] = nil
            endedPaths += 1
        case .pausing(let reason, let pause):
            self.pause = "\(reason); trying again in \(Quantity.time(pause))"
        }
    }

    /// The whole, then the largest paths that are under way, then why nothing moves.
    package func lines(width: Int, now: ContinuousClock.Instant = .now) -> [String] {
        let seconds = max((now - start) / .seconds(1), 0.001)
        let rate = Quantity.bytes(UInt64(Double(max(fileBytes, 0)) / seconds))
        let bytes = "\(Quantity.bytes(readBytes)) of \(Quantity.bytes(narBytes))"
        let text =
            "\(endedPaths)/\(paths) paths, \(bytes) read,"
            + " \(Quantity.bytes(UInt64(max(fileBytes, 0)))) sent (\(rate)/s)"
        var lines = ["\(Self.bar(readBytes, of: narBytes)) \(text)"]
        let largest = open.sorted {
            ($0.value.narBytes, $1.key) > ($1.value.narBytes, $0.key)
        }
        for (path, state) in largest.prefix(Self.mostBars) {
            lines.append(
                "\(Self.bar(state.readBytes, of: state.narBytes))"
                    + " \(Quantity.bytes(state.narBytes))  \(path.name)"
            )
        }
        if let pause { lines.append(Printable.line(pause)) }
        return lines.map { String($0.prefix(width)) }
    }

    private static func bar(_ part: UInt64, of whole: UInt64) -> String {
        let cells = 20
        let share = whole == 0 ? 1 : Double(min(part, whole)) / Double(whole)
        let full = Int(share * Double(cells))
        return "[" + String(repeating: "#", count: full)
            + String(repeating: "-", count: cells - full) + "]"
    }
}
