// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FirnAPI
import Fleet
import Foundation

/// `firn report`.
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Show what deployments took, from their receipts.",
        discussion: """
            Each deployment of a host leaves a receipt in the state folder of the machine that \
            deployed, and one with the host. With --compare the strategies stand side by side, from \
            the deployments that were done.

            Example:
              firn report --compare

            Exit codes:
              0  shown
              1  receipts cannot be read
              2  wrong usage or configuration, no such host
            """
    )

    @Argument(help: ArgumentHelp("Of these hosts only.", valueName: "host"))
    var hosts: [String] = []

    @Flag(help: "Show the strategies side by side.")
    var compare = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Show so many of the newest receipts; all with 0.", valueName: "n")
    )
    var last: Int?

    @Option(help: ArgumentHelp("Take the state folder from this file.", valueName: "file"))
    var config: String?

    @Flag(help: "Print JSON: a receipt a line, or the comparison on one line.")
    var json = false

    func validate() throws {
        guard last ?? 0 >= 0 else { throw ValidationError("--last takes 0 or more") }
        for host in hosts {
            do throws(HostName.ParseError) {
                _ = try HostName(parsing: host)
            } catch {
                throw ValidationError("\"\(host)\" \(error)")
            }
        }
    }

    func run() async throws {
        let loader = ConfigurationLoader.ofThisProcess(file: config)
        let outcome = try loader.load()
        let configuration = outcome.configuration
        let names = Set(hosts.compactMap { try? HostName(parsing: $0) })
        let folder = FleetFolder(state: configuration.server.state)
        try folder.requireReadable()
        let book = ReceiptBook(state: configuration.server.state)
        let rest = settle(folder)
        try requireKnown(names, configuration.hosts.map(\.name), book, outcome.file)
        var reading = try book.read(names.isEmpty ? nil : names)
        reading.receipts += rest.filter {
            names.isEmpty || names.map(\.description).contains($0.host)
        }
        if reading.unreadableLines > 0 {
            StandardError.write(
                "firn: \(book.directory): \(reading.unreadableLines) lines are no receipts and are"
                    + " left out"
            )
        }
        let count = last ?? (compare ? 0 : 20)
        let receipts = count == 0 ? reading.receipts : reading.receipts.suffix(count)
        let text = try json ? jsonText(receipts) : plainText(receipts, book)
        if !text.isEmpty { StandardOutput.write(text) }
    }

    /// Gives runs that were killed their receipts.
    ///
    /// - Returns: Those that cannot be written, which are shown all the same.
    private func settle(_ folder: FleetFolder) -> [Receipt] {
        do {
            try folder.settleRuns()
            return []
        } catch {
            return (try? folder.unsettledReceipts()) ?? []
        }
    }

    /// A host is known by the configuration, or by receipts from when it was in it.
    private func requireKnown(
        _ names: Set<HostName>,
        _ configured: [HostName],
        _ book: ReceiptBook,
        _ file: String?
    ) throws {
        guard !names.isEmpty else { return }
        let known = Set(configured).union(try book.hosts())
        guard let stranger = names.subtracting(known).min() else { return }
        let all = known.map(\.description).sorted()
        throw FleetError.selection(.unknownHost("\(stranger)", known: all, tags: []), file: file)
    }

    private func jsonText(_ receipts: [Receipt]) throws -> String {
        func line(_ body: some Encodable) throws -> String {
            String(decoding: try FirnJSON.write(body), as: UTF8.self)
        }
        return compare
            ? try line(StrategyComparison(receipts))
            : try receipts.map { try line($0) }.joined(separator: "\n")
    }

    private func plainText(_ receipts: [Receipt], _ book: ReceiptBook) -> String {
        guard !receipts.isEmpty else { return "no receipts yet in \(book.directory)" }
        let style = TextStyle.ofStandardOutput(ProcessInfo.processInfo.environment)
        let lines =
            compare
            ? ReportView.lines(StrategyComparison(receipts), style)
            : ReportView(receipts).lines(style)
        return lines.joined(separator: "\n")
    }
}
