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
              2  wrong usage or configuration
            """
    )

    @Argument(help: ArgumentHelp("Of these hosts only.", valueName: "host"))
    var hosts: [String] = []

    @Flag(help: "Show the strategies side by side.")
    var compare = false

    @Option(help: ArgumentHelp("Show so many of the newest receipts; all with 0.", valueName: "n"))
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
        let configuration = try loader.load().configuration
        let names = hosts.compactMap { try? HostName(parsing: $0) }
        let book = ReceiptBook(state: configuration.server.state)
        let reading = try book.read(names.isEmpty ? nil : Set(names))
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
