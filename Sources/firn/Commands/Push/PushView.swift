// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FirnAPI
import Foundation
import NixFormat
import NixStore
import Push

/// What a push was to do and has done, as a person and as a programme read it.
struct PushView {
    let cache: PushCacheReference
    let plan: PushPlan
    let directory: StoreDirectory
    /// `nil` for a push that was only planned.
    var report: PushReport?
    var time: Duration = .zero

    init(cache: PushCacheReference, plan: PushPlan, in directory: StoreDirectory) {
        self.cache = cache
        self.plan = plan
        self.directory = directory
    }

    /// What went wrong, a line each.
    var complaints: [String] {
        guard let report else { return [] }
        var lines: [String] = []
        for result in report.results {
            switch result.outcome {
            case .sent, .notSent: continue
            case .collected, .refersTo, .failed:
                lines.append(
                    "\(directory.path(of: result.info.path)): \(reason(result.outcome) ?? "")"
                )
            }
        }
        switch report.stop {
        case .refused(let reason), .unreachable(let reason):
            lines.append("\(reason); \(left) of \(report.results.count) paths were not sent")
        case nil: break
        }
        return lines.map(Printable.line)
    }

    /// One line for each path of a dry run, and the summary.
    var lines: [String] {
        guard let report else { return plan.items.map(line) + [plannedSummary] }
        return [summary(report)] + skippedOnPurpose
    }

    /// `nil` for a success.
    var exitCode: ExitCode? {
        guard let report else { return nil }
        switch report.stop {
        case .refused: return .refused
        case .unreachable: return .unreachable
        case nil: return report.isComplete ? nil : .someFailed
        }
    }

    private var left: Int { (report?.results.count ?? 0) - (report?.sentCount ?? 0) }

    private func line(_ item: PushPlan.Item) -> String {
        let path = directory.path(of: item.info.path)
        let size = Quantity.bytes(item.info.narSizeBytes)
        return switch item.decision {
        case .send: "send  \(path)  (\(size))"
        case .skip(let reason): "skip  \(path)  (\(Printable.line(words(reason))))"
        }
    }

    private var plannedSummary: String {
        let paths = plan.toSend
        let bytes = paths.reduce(0) { $0 + $1.narSizeBytes }
        return "would send \(paths.count) of \(plan.items.count) paths to \(cache),"
            + " \(Quantity.bytes(bytes)) before compression"
    }

    private func summary(_ report: PushReport) -> String {
        let sent = report.sentCount
        guard sent > 0 else {
            return report.results.isEmpty
                ? "nothing to send to \(cache): it has \(presentCount) of \(plan.items.count) paths"
                : "sent 0 of \(report.results.count) paths to \(cache)"
        }
        let seconds = max(time / .seconds(1), 0.001)
        let rate = UInt64(Double(report.fileBytes) / seconds)
        let saved = report.narBytes > report.fileBytes ? report.narBytes - report.fileBytes : 0
        return "sent \(sent) of \(report.results.count) paths to \(cache):"
            + " \(Quantity.bytes(report.fileBytes)) in \(Quantity.time(time))"
            + " (\(Quantity.bytes(rate))/s); saved \(Quantity.bytes(saved)) by compression,"
            + " and \(Quantity.bytes(presentBytes)) of \(presentCount) paths that were there"
    }

    /// Paths that the user kept back are no failure, but nobody should have to guess.
    private var skippedOnPurpose: [String] {
        let count = plan.items.count {
            switch $0.decision {
            case .skip(.present), .send: false
            case .skip: true
            }
        }
        return count == 0
            ? []
            : ["kept back \(count) paths by --exclude or --max-nar-size; --dry-run tells which"]
    }

    private var present: [PushPlan.Item] { plan.items.filter { $0.decision == .skip(.present) } }
    private var presentCount: Int { present.count }
    private var presentBytes: UInt64 { present.reduce(0) { $0 + $1.info.narSizeBytes } }

    private func words(_ reason: PushPlan.Reason) -> String {
        switch reason {
        case .present: "the cache has it, or one it relies on"
        case .excluded(let pattern): "--exclude \(pattern)"
        case .tooLarge(let limit): "larger than \(Quantity.bytes(limit))"
        case .refersTo(let path): "it needs \(directory.path(of: path)), which is kept back"
        }
    }

    private func reason(_ outcome: PushOutcome) -> String? {
        switch outcome {
        case .sent: nil
        case .collected: "it was collected meanwhile"
        case .refersTo(let path): "it needs \(directory.path(of: path)), which was not sent"
        case .failed(let reason): reason
        case .notSent: "the push ended before"
        }
    }
}

extension PushView {
    private struct Body: Encodable {
        struct Path: Encodable {
            var path: String
            var outcome: String
            var reason: String?
            var narBytes: UInt64
            var fileBytes: UInt64?

            enum CodingKeys: String, CodingKey {
                case path, outcome, reason
                case narBytes = "nar-bytes"
                case fileBytes = "file-bytes"
            }
        }

        var cache: String
        var isDryRun: Bool
        var paths: [Path]
        var sent: Int
        var failed: Int
        var skipped: Int
        var narBytes: UInt64
        var fileBytes: UInt64
        var seconds: Double
        var stop: String?

        enum CodingKeys: String, CodingKey {
            case cache, paths, sent, failed, skipped, seconds, stop
            case isDryRun = "dry-run"
            case narBytes = "nar-bytes"
            case fileBytes = "file-bytes"
        }
    }

    /// All paths of the closure with what became of them.
    func json() throws -> String {
        let outcomes = Dictionary(
            (report?.results ?? []).map { ($0.info.path, $0.outcome) },
            uniquingKeysWith: { first, _ in first }
        )
        let paths = plan.items.map { item in
            var path = Body.Path(
                path: directory.path(of: item.info.path),
                outcome: "send",
                narBytes: item.info.narSizeBytes
            )
            switch item.decision {
            case .skip(let reason):
                path.outcome = "skipped"
                path.reason = words(reason)
            case .send:
                guard let outcome = outcomes[item.info.path] else { break }
                path.outcome = "failed"
                path.reason = reason(outcome)
                if case .sent(let bytes) = outcome {
                    path.outcome = "sent"
                    path.fileBytes = bytes
                }
            }
            return path
        }
        let body = Body(
            cache: "\(cache)",
            isDryRun: report == nil,
            paths: paths,
            sent: report?.sentCount ?? 0,
            failed: left,
            skipped: plan.items.count - plan.toSend.count,
            narBytes: report?.narBytes ?? 0,
            fileBytes: report?.fileBytes ?? 0,
            seconds: time / .seconds(1),
            stop: stopReason
        )
        return String(decoding: try FirnJSON.write(body), as: UTF8.self)
    }

    private var stopReason: String? {
        switch report?.stop {
        case .refused(let reason), .unreachable(let reason): reason
        case nil: nil
        }
    }
}
