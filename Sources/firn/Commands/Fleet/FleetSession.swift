// SPDX-License-Identifier: Apache-2.0
import Fleet
import Foundation
import Glibc

/// A command's way to the hosts: the configuration, and the connections while it lasts.
struct FleetSession {
    let configuration: FirnConfiguration
    let file: String?
    let roster: FleetRoster
    let context: FleetContext
    private let connections: FleetConnections

    static func load(_ options: FleetOptions) throws -> (ConfigurationLoader.Outcome, FleetRoster) {
        let loader = ConfigurationLoader.ofThisProcess(file: options.config)
        let outcome = try loader.load()
        return (outcome, try outcome.configuration.roster())
    }

    /// `display` shows how it goes; `nil` where nothing is shown.
    init(_ fleet: FleetOptions, _ display: FleetDisplay? = nil) throws {
        let password = RootPassword {
            let ask = SudoPrompt().passwordFromTerminal
            guard let display else { return await ask() }
            return await display.quietly(ask)
        }
        try self.init(fleet, password, Self.observer(display))
    }

    private static func observer(_ display: FleetDisplay?) -> FleetObserver {
        guard let display else { return { _, _ in } }
        return display.take
    }

    /// Asks for the password first, where that is wanted.
    static func begin(
        _ access: FleetAccessOptions,
        _ display: FleetDisplay? = nil
    ) async throws -> FleetSession {
        guard access.askSudoPassword else { return try FleetSession(access.fleet, display) }
        let word = try await Interruption.cancelling(SudoPrompt().requirePassword)
        return try FleetSession(
            access.fleet,
            RootPassword { word },
            observer(display)
        )
    }

    private init(
        _ fleet: FleetOptions,
        _ password: RootPassword,
        _ observer: @escaping FleetObserver
    ) throws {
        let (outcome, roster) = try Self.load(fleet)
        configuration = outcome.configuration
        file = outcome.file
        self.roster = roster
        connections = FleetConnections(
            password: password,
            environment: ProcessInfo.processInfo.environment
        )
        context = FleetContext(
            roster: roster,
            connections: connections,
            folder: FleetFolder(state: outcome.configuration.server.state),
            who: Self.who,
            observer: observer
        )
    }

    func choose(_ selection: HostSelection) throws -> [Fleet.Host] {
        do throws(HostSelection.Failure) {
            return try selection.choose(from: roster)
        } catch {
            throw FleetError.selection(error, file: file)
        }
    }

    /// Makes sure that what is done can be written down, and gives runs that were killed their receipts.
    ///
    /// - Throws: ``Fleet/FleetFolder/Failure``, before any host is touched.
    func requireRecords() throws {
        try context.folder.requireWritable()
        for receipt in try context.folder.settleRuns() {
            StandardError.write(
                "firn: an earlier run of \(receipt.by) was ended before it had done \(receipt.host):"
                    + " \(receipt.reason ?? "")"
            )
        }
    }

    /// Says so where it cannot be known what is queued.
    func warnOfRecords() {
        do { try context.folder.requireReadable() } catch { StandardError.write("firn: \(error)") }
    }

    /// Runs the body, cancels it at the first Ctrl-C, and ends all connections.
    ///
    /// `isSwitching` says whether hosts may be switched by it, which are called back then.
    func run<Value: Sendable>(
        isSwitching: Bool = false,
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        do {
            let value = try await Interruption.cancelling(
                body,
                isSwitching: isSwitching,
                atOnce: connections.abandon
            )
            await connections.close()
            return value
        } catch {
            await connections.close()
            throw error
        }
    }

    /// `user@machine`, as leases and receipts name whoever deploys.
    private static var who: String {
        var name = utsname()
        let machine =
            unsafe uname(&name) == 0
            ? unsafe withUnsafeBytes(of: &name.nodename) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            } : "unknown"
        return "\(NSUserName())@\(machine)"
    }
}
