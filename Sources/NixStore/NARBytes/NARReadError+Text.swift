// SPDX-License-Identifier: Apache-2.0
import Glibc

extension NARReadError: CustomStringConvertible {
    /// One line for an operator.
    package var description: String {
        switch self {
        case .pathVanished(let path): "\(path) is not there any more"
        case .hashMismatch(let path, let expected, let actual):
            "\(path) has the hash \(actual), not \(expected)"
        case .sizeMismatch(let path, let expected, let actual):
            "\(path) has \(actual) bytes or more, not \(expected)"
        case .shortFile(let path, let file): "\(path): \(file) ended too early"
        case .unsupportedFile(let path, let file):
            "\(path): \(file) is not of a kind a NAR can hold"
        case .inputOutput(let path, let file, let code):
            unsafe "\(path): \(file): \(String(cString: strerror(code)))"
        case .rangeOutOfBounds(let size): "the range leaves the NAR of \(size) bytes"
        }
    }
}

extension WorkerThreads.Failure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .deadlineExceeded: "no answer in time"
        case .queueFull: "too much is waiting already"
        case .shutDown: "shut down"
        }
    }
}

extension DaemonConnection.Failure: CustomStringConvertible {
    var description: String {
        switch self {
        case .notADaemon: "what answers is no Nix daemon"
        case .unsupportedVersion(let version): "a Nix daemon of protocol \(version)"
        case .refused(let reason): "the Nix daemon refuses: \(reason)"
        }
    }
}
