// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import NixFormat
import NixStore
import Push

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
        var proved: Int
        var failed: Int
        var skipped: Int
        var narBytes: UInt64
        var fileBytes: UInt64
        var seconds: Double
        var stop: String?

        enum CodingKeys: String, CodingKey {
            case cache, paths, sent, proved, failed, skipped, seconds, stop
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
        let paths = plan.items.map { self.path($0, outcomes[$0.info.path]) }
        let body = Body(
            cache: "\(cache)",
            isDryRun: report == nil,
            paths: paths,
            sent: report?.doneCount ?? 0,
            proved: report?.proved.count ?? 0,
            failed: left + refusedCount,
            skipped: plan.items.count - plan.itemsToSend.count - refusedCount,
            narBytes: report?.narBytes ?? 0,
            fileBytes: report?.fileBytes ?? 0,
            seconds: time / .seconds(1),
            stop: stopReason
        )
        return String(decoding: try FirnJSON.write(body), as: UTF8.self)
    }

    private func path(_ item: PushPlan.Item, _ outcome: PushOutcome?) -> Body.Path {
        var path = Body.Path(
            path: directory.path(of: item.info.path),
            outcome: "send",
            narBytes: item.info.narSizeBytes
        )
        switch (item.decision, outcome) {
        case (.skip(let reason), _):
            path.outcome = item.isRefused ? "refused" : "skipped"
            path.reason = words(reason)
        case (.send, nil): break
        case (.prove, nil): path.outcome = "prove"
        case (_, .sent(let bytes)):
            path.outcome = "sent"
            path.fileBytes = bytes
        case (_, .proved): path.outcome = "proved"
        case (_, let outcome?):
            path.outcome = "failed"
            path.reason = reason(outcome)
        }
        return path
    }

    private var stopReason: String? {
        switch report?.stop {
        case .refused(let reason), .unreachable(let reason): reason
        case nil: nil
        }
    }
}
