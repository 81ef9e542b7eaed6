// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// The shells of a run: one for each host, however many want it.
package final class FleetConnections: Sendable {
    private let options: SSHShell.Options
    private let password: RootPassword
    private let shells = Mutex<[HostName: SSHShell]>([:])

    /// - Throws: Where no folder for the sockets of ssh can be made.
    package init(password: RootPassword, environment: [String: String]) throws {
        // Sockets have short names, and the folder of a user's temporary files may have a long one.
        var template = Array("/tmp/firn-ssh-XXXXXX".utf8CString)
        let folder = unsafe template.withUnsafeMutableBufferPointer { buffer -> String? in
            guard let base = buffer.baseAddress, let made = unsafe mkdtemp(base) else { return nil }
            return unsafe String(cString: made)
        }
        guard let folder else {
            throw CocoaError(.fileWriteNoPermission, userInfo: [NSFilePathErrorKey: "/tmp"])
        }
        var options = SSHShell.Options(controlFolder: folder)
        options.words = (environment["NIX_SSHOPTS"] ?? "").split { $0.isWhitespace }.map(
            String.init
        )
        self.options = options
        self.password = password
    }

    package func shell(to host: Host) -> SSHShell {
        shells.withLock { shells in
            if let shell = shells[host.name] { return shell }
            let shell = SSHShell(host, options, password: password)
            shells[host.name] = shell
            return shell
        }
    }

    /// Ends all connections; what is asked for afterwards makes new ones.
    package func close() async {
        let all = shells.withLock { Array($0.values) }
        await withTaskGroup(of: Void.self) { group in
            for shell in all { group.addTask { await shell.close() } }
        }
        try? FileManager.default.removeItem(atPath: options.controlFolder)
    }
}
