// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation

/// The command: its nouns, and the one place where an error becomes an exit.
@main
struct Firn: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "firn",
        abstract: "A binary cache for Nix.",
        discussion: """
            Example:
              firn serve

            Exit codes:
              0  done
              1  failed
              2  wrong usage or configuration
              3  some of several failed
              4  refused
              5  not reachable
              6  rolled back
              130  interrupted
            """,
        version: "firn \(version)",
        subcommands: [
            ServeCommand.self, UseCommand.self, DoctorCommand.self, StatusCommand.self,
            ExplainCommand.self,
            PushCommand.self, WatchStoreCommand.self, WatchExecCommand.self, HookCommand.self,
            HostsCommand.self, CheckCommand.self, BuildCommand.self, DeployCommand.self,
            RollbackCommand.self, WakeCommand.self, ReportCommand.self,
            PinCommand.self, CacheCommand.self, TokenCommand.self, GCCommand.self,
            FsckCommand.self, KeyCommand.self, SettingsCommand.self,
        ]
    )

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            end(with: error)
        }
    }

    /// Help and version go to standard output, an error is one line on standard error.
    private static func end(with error: any Error) -> Never {
        switch exitCode(for: error) {
        case .success:
            StandardOutput.write(fullMessage(for: error))
            exit(withError: nil)
        case .validationFailure:
            StandardError.write("firn: \(message(for: error)); see firn --help")
        default:
            // A code alone means that everything was said already, as does an interruption.
            if error is CancellationError {
                break
            } else if error is CocoaError {
                StandardError.write("firn: \(error.localizedReason)")
            } else if !(error is ExitCode) {
                StandardError.write("firn: \(error)")
            }
        }
        exit(withError: ExitCode(of: error))
    }
}
