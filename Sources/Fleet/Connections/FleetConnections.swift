// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// The shells of a run: one for each host, however many want it.
package final class FleetConnections: Sendable {
    private struct State {
        var shells: [HostName: SSHShell] = [:]
        /// Made with the first shell, and gone with the last.
        var folder: SocketFolder?
    }

    private let words: [String]
    private let password: RootPassword
    private let state = Mutex(State())

    /// `NIX_SSHOPTS` of the environment are for every call of ssh.
    package init(password: RootPassword, environment: [String: String]) {
        words = (environment["NIX_SSHOPTS"] ?? "").split { $0.isWhitespace }.map(String.init)
        self.password = password
    }

    package func shell(to host: Host) -> SSHShell {
        state.withLock { state in
            if let shell = state.shells[host.name] { return shell }
            if state.folder == nil { state.folder = SocketFolder() }
            var options = SSHShell.Options(controlFolder: state.folder?.path)
            options.words = words
            let shell = SSHShell(host, options, password: password)
            state.shells[host.name] = shell
            return shell
        }
    }

    /// Ends all connections; what is asked for afterwards makes new ones.
    package func close() async {
        let (all, folder) = state.withLock { state in
            defer { state = State() }
            return (Array(state.shells.values), state.folder)
        }
        await withTaskGroup(of: Void.self) { group in
            for shell in all { group.addTask { await shell.close() } }
        }
        folder?.remove()
    }

    /// For a process that ends at once: no more than the folder is tidied up.
    package func abandon() { state.withLock { $0.folder?.remove() } }
}
