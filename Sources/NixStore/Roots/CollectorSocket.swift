// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Where a running `nix-collect-garbage` takes roots that came too late for it to read them in
/// files.
///
/// - Shape: one line with the path; the answer is `1`, and comes only after the path, if it was
///   just being deleted, is gone.
/// - Source: `LocalStore::collectGarbage` in Nix's `gc.cc`.
struct CollectorSocket {
    let path: String

    enum Answer {
        /// The collector will keep the path, or had deleted it before.
        case told
        /// There is no collector (any more, or yet).
        case nobodyThere
    }

    init(stateDirectory: String) {
        path = stateDirectory + "/gc-socket/socket"
    }

    /// - Throws: ``SystemError``, also when the collector takes longer than `timeout`.
    func tell(_ root: String, timeout: Duration) throws -> Answer {
        do {
            // A connection of its own for each root: the answer to one may take as long as a
            // deletion.
            let socket = try UnixSocket(connectingTo: path, timeout: timeout)
            try socket.write(Array(root.utf8) + [UInt8(ascii: "\n")])
            let answer = try socket.read(1)
            return answer == [UInt8(ascii: "1")] ? .told : .nobodyThere
        } catch let error as SystemError {
            switch error.code {
            case ECONNREFUSED, ENOENT, EPIPE, ECONNRESET: return .nobodyThere
            default: throw error
            }
        }
    }
}
