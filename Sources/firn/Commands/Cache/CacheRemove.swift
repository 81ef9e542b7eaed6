// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CacheClient
import FirnAPI
import Foundation

/// `firn cache remove`.
struct CacheRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Remove paths from a cache; readers do not find them from then on.",
        discussion: """
            All that is named goes, or nothing does. A path to which another one of the cache refers \
            stays, unless --with-referrers takes that one too; so does a path that is pinned, and \
            nothing takes that. Other caches keep what they have. With --server the token has to \
            allow delete, or admin.

            A Nix that has pulled a path knows it for up to 30 days, and is told 404 when it asks for it.

            Example:
              firn cache remove team /nix/store/0000…-secrets --with-referrers --dry-run

            Exit codes:
              0  done, or with --dry-run shown
              1  failed: no such cache, or a path is not in it
              2  wrong usage or configuration
              4  refused: something refers to a path, it is pinned, or the token does not allow it
              5  the daemon is not reached
            """
    )

    @Argument(help: "The cache.")
    var name: String

    @Argument(help: "Store paths, links to some, or their hashes.")
    var paths: [String]

    @Flag(help: "Remove what refers to them as well, and what refers to that.")
    var withReferrers = false

    @Flag(help: "Only show what would go.")
    var dryRun = false

    @OptionGroup var administration: AdministrationOptions

    func validate() throws {
        guard paths.count <= PathRemovalRequest.mostPaths else {
            throw ValidationError(
                "\(paths.count) paths at once are too many; up to"
                    + " \(PathRemovalRequest.mostPaths) go together"
            )
        }
    }

    func run() async throws {
        let request = PathRemovalRequest(
            cache: name,
            hashes: try paths.map { "\(try StorePathReference.hash(of: $0))" },
            withReferrers: withReferrers,
            isDryRun: dryRun
        )
        let reply: FirnReply<PathRemovalReport> = try await administration.connection()
            .order(.caches(.remove), request)
        let outcome = reply.body
        let lines = PathRemovalView(outcome).lines
        StandardOutput.write(administration.json ? reply.jsonLine : lines.joined(separator: "\n"))
        if !outcome.absent.isEmpty { throw ExitCode.failed }
        if !outcome.refused.isEmpty { throw ExitCode.refused }
    }
}

/// What became of a removal, as a person reads it.
struct PathRemovalView {
    let report: PathRemovalReport

    init(_ report: PathRemovalReport) { self.report = report }

    var lines: [String] {
        if !report.absent.isEmpty {
            return report.absent.map { "\($0) is not in cache \(report.cache)" } + [nothing]
        }
        if !report.refused.isEmpty { return report.refused.flatMap(obstacle) + [nothing] }
        let verb = report.isDryRun ? "would remove" : "removed"
        return report.removed.map { "\(verb) \($0.path)" } + [sum]
    }

    private var nothing: String {
        let hasReferrers = report.refused.contains { $0.referrerCount > 0 }
        let isPinned = report.refused.contains { !$0.pins.isEmpty }
        var hints: [String] = []
        if isPinned { hints.append("firn pin remove lets go of a pin") }
        if hasReferrers { hints.append("--with-referrers takes what refers to them") }
        let hint = hints.isEmpty ? "" : "; " + hints.joined(separator: ", ")
        return "nothing was removed\(hint)"
    }

    private func obstacle(_ obstacle: PathRemovalReport.Obstacle) -> [String] {
        let pins = obstacle.pins.map { "\(obstacle.path) is pinned as \($0)" }
        let referrers = obstacle.referrers.map { "\(obstacle.path) is referred to by \($0)" }
        let more = obstacle.referrerCount - obstacle.referrers.count
        let rest = more > 0 ? ["\(obstacle.path) is referred to by \(more) more"] : []
        return pins + referrers + rest
    }

    private var sum: String {
        let count = UInt64(report.removed.count)
        let bytes = report.removed.reduce(UInt64(0)) { $0 + $1.sizeBytes }
        let verb = report.isDryRun ? "would leave" : "left"
        return
            "\(Quantity.count(count)) path\(count == 1 ? "" : "s") \(verb) cache \(report.cache),"
            + " \(Quantity.bytes(bytes))"
    }
}
