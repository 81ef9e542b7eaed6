// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CacheServer
import CacheService
import Depot
import Foundation
import Glibc
import Logging
import NixFormat
import NixStore

/// `firn fsck`.
struct FsckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fsck",
        abstract: "Check the depot: every object against its hash, its narinfo and the catalog.",
        discussion: """
            Reads everything that the depot keeps, so it takes as long as that. The daemon must not \
            be running. Opening the depot already finishes what a killed process left; everything \
            else is only reported, unless --repair is given. A damaged object is then removed: what \
            it was can be fetched or made again.

            What paths of named caches refer to and the cache has not is looked for in its upstreams. \
            A path that lacks something is hidden by --repair with all that refers to it, pinned or \
            not. A narinfo that its cache's key has not signed is only told: pushing the path again \
            mends it.

            Example:
              firn fsck --repair

            Exit codes:
              0  nothing is wrong, or all of it was repaired
              1  something is wrong, or the check failed
              2  wrong usage or configuration
              4  the depot is in use by a running daemon
              5  nothing else is wrong, and an upstream does not say whether it has what is missing
            """
    )

    @Flag(help: "Repair what is wrong.")
    var repair = false

    @Flag(help: "Do not unpack objects; their files are still held against their hashes.")
    var quick = false

    @Option(help: ArgumentHelp("Look here for where the depot is.", valueName: "file"))
    var config: String?

    @Flag(help: "Print one JSON object for each finding, and one for the sum.")
    var json = false

    func run() async throws {
        var options = DaemonOptions()
        options.config = config
        let configuration = try options.configuration()
        guard let directory = configuration.depotDirectory else { throw FsckFailure.noDepot }
        // What is in a bucket may be there without anything of this machine.
        guard configuration.isDepotElsewhere || FileManager.default.fileExists(atPath: directory)
        else {
            throw FsckFailure.missing(directory)
        }
        var logger = Logger(label: "firn") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .error
        let root = NixStoreConfiguration(root: configuration.store.root)
        guard let depot = try DepotAssembly.open(configuration, root.storeDirectory, logger) else {
            throw FsckFailure.noDepot
        }
        let report = FsckReport(isJSON: json)
        report.opened(depot.opening)
        var summary: DepotCheckSummary
        let unknown: [ReferenceCheck.Unknown]
        do {
            summary = try depot.check(
                isRepairing: repair,
                verify: quick ? nil : { try ObjectVerification.holdsItsNAR($0) },
                narSizeBytes: { try ObjectVerification.narSizeBytes(of: $0) },
                onFinding: { report.found($0) }
            )
            let tiers = try upstreams(configuration, root.storeDirectory, logger)
            var lacking = (found: 0, repaired: 0)
            unknown = try await ReferenceCheck(depot, tiers: tiers).run(isRepairing: repair) {
                lacking.found += 1
                if $0.isRepaired { lacking.repaired += 1 }
                report.found($0)
            }
            summary.defects += lacking.found
            summary.repaired += lacking.repaired
        } catch let error as ConfigurationError {
            throw error
        } catch {
            throw FsckFailure.stopped(directory, "\(error)")
        }
        report.ended(summary)
        for unknown in unknown {
            StandardError.write(
                "firn: cache \(unknown.cache): \(unknown.count) references were not looked for:"
                    + " upstream \(unknown.tierName) does not answer"
            )
        }
        guard summary.defects == summary.repaired else { throw ExitCode.failed }
        guard unknown.isEmpty else { throw ExitCode.unreachable }
    }

    /// The configuration's tiers, to be asked for what caches do not have themselves.
    private func upstreams(
        _ configuration: FirnConfiguration,
        _ storeDirectory: StoreDirectory,
        _ logger: Logger
    ) throws -> [RemoteTier] {
        let folder = ProcessInfo.processInfo.environment["CREDENTIALS_DIRECTORY"]
        return try TierAssembly(
            configuration.tiers.map { tier in
                (tier, try TierSecrets.read(for: tier, credentialsFolder: folder).secrets)
            },
            node: Node(version: Firn.version),
            storeDirectory: storeDirectory,
            // Only what is asked for matters here.
            isLocal: { _ in true },
            certificateFile: AuthorityFile(ProcessInfo.processInfo.environment).path,
            logger: logger
        ).tiers
    }
}

/// Why there was nothing to check, or not all of it was.
enum FsckFailure: Error, CustomStringConvertible {
    case noDepot
    case missing(String)
    case stopped(String, String)

    var description: String {
        switch self {
        case .noDepot: "the configuration has no depot: depot.location is \"none\""
        case .missing(let directory):
            "\(directory): there is no depot yet; firn serve makes it, --config names another"
        case .stopped(let directory, let reason):
            "\(directory): the check stopped: \(reason)"
        }
    }
}
