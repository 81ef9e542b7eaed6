// SPDX-License-Identifier: Apache-2.0
import Glibc
import NixStore

extension CacheError: CustomStringConvertible {
    /// One line for an operator.
    package var description: String {
        switch self {
        case .notFound: "not found"
        case .malformed(let reason), .notAllowed(let reason, _), .conflict(let reason),
            .refused(let reason), .tooLarge(let reason), .tooMany(let reason), .noRoom(let reason):
            reason
        case .storageUnavailable(let cause): "\(cause)"
        }
    }
}

// What the making, the bringing and the keeping of NARs end with, for the log.

extension TransferFailure: CustomStringConvertible {
    var description: String {
        switch self {
        case .tiersFailed(let failure): "every tier that has it failed, the last: \(failure)"
        case .mismatch(let what): "the bytes are not those of the hash: \(what)"
        case .damaged(let what): "it does not unpack: \(what)"
        case .abandoned: "nobody waits for it any more"
        case .spool(let cause): "the disk that it passes over: \(cause)"
        }
    }
}

extension NARMismatch: CustomStringConvertible {
    var description: String { "the NAR has the hash \(actual), not \(expected)" }
}

extension ShortNAR: CustomStringConvertible {
    var description: String { "the NAR ended after \(readBytes) of \(expectedBytes) bytes" }
}

extension WindowFile.Full: CustomStringConvertible {
    var description: String { cause }
}

extension OpenStreams.Exhausted: CustomStringConvertible {
    var description: String { "as many NARs as allowed are being read" }
}

extension FreeSpace.Unknown: CustomStringConvertible {
    var description: String { unsafe "free space: \(String(cString: strerror(code)))" }
}
