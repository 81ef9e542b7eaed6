// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CacheService
import Depot
import Foundation
import Glibc
import Logging
import NixStore

/// `firn fsck`.
struct FsckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fsck",
        abstract: "Check the depot: every object against its hash, its narinfo and the catalog.",
        discussion: """
            Reads everything that the depot keeps, so it takes as long as that. The daemon must not \
            be running. Opening the depot already finishes what a killed process left; everything \
            else is only reported, unless --repair is given. A damaged object is then removed: what \
            it was can be fetched or made again.

            Example:
              firn fsck --repair

            Exit codes:
              0  nothing is wrong, or all of it was repaired
              1  something is wrong, or the check failed
              2  wrong usage or configuration
              4  the depot is in use by a running daemon
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

    func run() throws {
        var options = DaemonOptions()
        options.config = config
        let configuration = try options.configuration()
        guard let directory = configuration.depotDirectory else { throw FsckFailure.noDepot }
        guard FileManager.default.fileExists(atPath: directory) else {
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
        let summary: DepotCheckSummary
        do {
            summary = try depot.check(
                isRepairing: repair,
                verify: quick ? nil : { try ObjectVerification.holdsItsNAR($0) },
                onFinding: { report.found($0) }
            )
        } catch {
            throw FsckFailure.stopped(directory, "\(error)")
        }
        report.ended(summary)
        guard summary.defects == summary.repaired else { throw ExitCode.failed }
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
