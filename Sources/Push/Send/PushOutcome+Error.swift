// SPDX-License-Identifier: Apache-2.0
import Glibc
import NixFormat
import NixStore

extension PushOutcome {
    /// What an error that concerns one path means for it.
    init(of error: any Error) {
        switch error {
        case NARReadError.pathVanished: self = .collected
        case let error as NARReadError: self = .failed(reason: Self.words(error))
        case let error as PartAssembler.TooManyParts:
            self = .failed(
                reason: "it has more than \(PartAssembler.mostParts) parts of"
                    + " \(error.partBytes >> 20) MiB"
            )
        default: self = .failed(reason: "\(error)")
        }
    }

    private static func words(_ error: NARReadError) -> String {
        switch error {
        case .pathVanished: "it is gone"
        case .hashMismatch(_, let expected, let actual):
            "its files are damaged: NarHash is \(actual), Nix registered \(expected);"
                + " nix-store --repair-path mends it"
        case .sizeMismatch(_, let expected, let actual):
            "its files are damaged: the NAR has \(actual) bytes, Nix registered \(expected);"
                + " nix-store --repair-path mends it"
        case .shortFile(_, let file): "\(file) became shorter while it was read"
        case .unsupportedFile(_, let file): "\(file) is neither a file, a folder nor a link"
        case .inputOutput(_, let file, let code):
            unsafe "\(file): \(String(cString: strerror(code)))"
        case .rangeOutOfBounds: "its NAR is shorter than registered"
        }
    }
}
