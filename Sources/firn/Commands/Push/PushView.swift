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
        for item in plan.items where item.isRefused {
            guard case .skip(let reason) = item.decision else { continue }
            lines.append("\(directory.path(of: item.info.path)): \(words(reason))")
        }
        for result in report.results {
            switch result.outcome {
            case .sent, .proved, .notSent: continue
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
        case nil: return report.isComplete && refusedCount == 0 ? nil : .someFailed
        }
    }

    var left: Int { (report?.results.count ?? 0) - (report?.doneCount ?? 0) }
    var refusedCount: Int { plan.items.count(where: \.isRefused) }

    private func line(_ item: PushPlan.Item) -> String {
        let path = directory.path(of: item.info.path)
        let size = Quantity.bytes(item.info.narSizeBytes)
        return switch item.decision {
        case .send: "send  \(path)  (\(size))"
        case .prove: "prove \(path)  (\(size) that the server has, and need not be sent)"
        case .skip(let reason): "skip  \(path)  (\(Printable.line(words(reason))))"
        }
    }

    private var plannedSummary: String {
        let items = plan.itemsToSend
        let sent = items.filter { $0.decision == .send }
        let bytes = sent.reduce(0) { $0 + $1.info.narSizeBytes }
        let proved = items.count - sent.count
        return "would send \(sent.count) of \(plan.items.count) paths to \(cache),"
            + " \(Quantity.bytes(bytes)) before compression"
            + (proved == 0 ? "" : ", and prove \(proved)")
            + (refusedCount == 0 ? "" : "; it refuses \(refusedCount)")
    }

    private func summary(_ report: PushReport) -> String {
        let done = report.doneCount
        guard done > 0 else {
            return report.results.isEmpty
                ? "nothing to send to \(cache): it has \(presentCount) of \(plan.items.count) paths"
                : "sent 0 of \(report.results.count) paths to \(cache)"
        }
        let seconds = max(time / .seconds(1), 0.001)
        let rate = UInt64(Double(report.fileBytes) / seconds)
        return "sent \(done) of \(report.results.count) paths to \(cache):"
            + " \(Quantity.bytes(report.fileBytes)) in \(Quantity.time(time))"
            + " (\(Quantity.bytes(rate))/s); saved \(savings(report))"
    }

    private func savings(_ report: PushReport) -> String {
        let saved = report.narBytes > report.fileBytes ? report.narBytes - report.fileBytes : 0
        let proved = report.proved
        let provedBytes = proved.reduce(0) { $0 + $1.info.narSizeBytes }
        var parts = ["\(Quantity.bytes(saved)) by compression"]
        if !proved.isEmpty {
            parts.append("\(Quantity.bytes(provedBytes)) of \(proved.count) paths by proof")
        }
        let present = "\(Quantity.bytes(presentBytes)) of \(presentCount) paths that were there"
        return parts.joined(separator: ", ") + ", and \(present)"
    }

    /// Paths that the user kept back are no failure, but nobody should have to guess.
    private var skippedOnPurpose: [String] {
        let count = plan.items.count {
            switch $0.decision {
            case .skip(.excluded), .skip(.tooLarge), .skip(.refersTo): true
            case .skip, .send, .prove: false
            }
        }
        return count == 0
            ? []
            : ["kept back \(count) paths by --exclude or --max-nar-size; --dry-run tells which"]
    }

    private var present: [PushPlan.Item] {
        plan.items.filter {
            switch $0.decision {
            case .skip(.present), .skip(.elsewhere): true
            case .skip, .send, .prove: false
            }
        }
    }
    private var presentCount: Int { present.count }
    private var presentBytes: UInt64 { present.reduce(0) { $0 + $1.info.narSizeBytes } }

    func words(_ reason: PushPlan.Reason) -> String {
        switch reason {
        case .present:
            switch cache {
            case .cachix: "the cache has it, or one it relies on"
            case .firn: "the cache has it"
            }
        case .elsewhere(let upstream): "in upstream \(upstream)"
        case .excluded(let pattern): "--exclude \(pattern)"
        case .tooLarge(let limit): "larger than \(Quantity.bytes(limit))"
        case .refersTo(let path): "it needs \(directory.path(of: path)), which is kept back"
        case .refused(let reason): "refused because \(reason)"
        case .refersToRefused(let path):
            "it needs \(directory.path(of: path)), which the cache refuses"
        }
    }

    func reason(_ outcome: PushOutcome) -> String? {
        switch outcome {
        case .sent, .proved: nil
        case .collected: "it was collected meanwhile"
        case .refersTo(let path): "it needs \(directory.path(of: path)), which was not sent"
        case .failed(let reason): reason
        case .notSent: "the push ended before"
        }
    }
}
