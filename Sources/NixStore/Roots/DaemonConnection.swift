// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The part of the worker protocol that asks Nix's daemon to keep paths, while a connection lasts.
///
/// - Shape: numbers are 64 bits, little-endian; strings are a length, bytes, and zeros up to a
///   multiple of 8.
/// - Source: `worker-protocol.hh` of Nix 2.8 (protocol 1.34) to 2.36 (1.39). We say 1.34, which all
///   of them speak.
final class DaemonConnection {
    enum Failure: Error {
        case notADaemon
        case unsupportedVersion(UInt64)
        /// What the daemon said.
        case refused(String)
    }

    private enum Word {
        static let clientMagic: UInt64 = 0x6E69_7863
        static let daemonMagic: UInt64 = 0x6478_696F
        static let version: UInt64 = 1 << 8 | 34
        static let addTempRoot: UInt64 = 11
        static let last: UInt64 = 0x616C_7473
        static let error: UInt64 = 0x6378_7470
        static let next: UInt64 = 0x6F6C_6D67
        static let startActivity: UInt64 = 0x5354_5254
        static let stopActivity: UInt64 = 0x5354_4F50
        static let result: UInt64 = 0x5253_4C54
    }

    /// No text of the daemon's that matters is longer.
    private static let maximumTextBytes: UInt64 = 1 << 20

    private let socket: UnixSocket
    private var minor: UInt64 = 0

    /// - Throws: ``SystemError`` or ``Failure``.
    init(socketPath: String) throws {
        socket = try UnixSocket(connectingTo: socketPath, timeout: .seconds(10))
        try send(Word.clientMagic)
        guard try number() == Word.daemonMagic else { throw Failure.notADaemon }
        let version = try number()
        guard version >> 8 == 1, version & 0xFF >= 18 else {
            throw Failure.unsupportedVersion(version)
        }
        minor = min(version & 0xFF, Word.version & 0xFF)
        // Our version, no CPU affinity, nothing reserved.
        try send(Word.version, 0, 0)
        if minor >= 33 { _ = try text() }
        try finishCall()
    }

    var isConnected: Bool { socket.isConnected }

    func addTempRoot(_ path: String) throws {
        var request = Self.bytes(Word.addTempRoot) + Self.bytes(UInt64(path.utf8.count))
        request += path.utf8
        request += Array(repeating: 0, count: -path.utf8.count & 7)
        try socket.write(request)
        try finishCall()
        _ = try number()
    }

    /// Reads what the daemon reports while it works, up to the end of the call.
    private func finishCall() throws {
        while true {
            switch try number() {
            case Word.last: return
            case Word.next: _ = try text()
            case Word.error: throw try readError()
            case Word.startActivity:
                for _ in 0..<3 { _ = try number() }
                _ = try text()
                try skipFields()
                _ = try number()
            case Word.stopActivity: _ = try number()
            case Word.result:
                for _ in 0..<2 { _ = try number() }
                try skipFields()
            default: throw Failure.notADaemon
            }
        }
    }

    private func readError() throws -> Failure {
        guard minor >= 26 else { return .refused(try text()) }
        // Type, level, name, message, no position, and the traces.
        _ = try text()
        _ = try number()
        _ = try text()
        let message = try text()
        _ = try number()
        for _ in 0..<min(try number(), 1_000) {
            _ = try number()
            _ = try text()
        }
        return .refused(message)
    }

    private func skipFields() throws {
        for _ in 0..<min(try number(), 1_000) {
            if try number() == 0 { _ = try number() } else { _ = try text() }
        }
    }

    private func send(_ numbers: UInt64...) throws {
        try socket.write(numbers.flatMap(Self.bytes))
    }

    private func number() throws -> UInt64 {
        try socket.read(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private func text() throws -> String {
        let count = try number()
        guard count <= Self.maximumTextBytes else { throw Failure.notADaemon }
        let bytes = try socket.read((Int(count) + 7) & ~7)
        return String(decoding: bytes.prefix(Int(count)), as: UTF8.self)
    }

    private static func bytes(_ number: UInt64) -> [UInt8] {
        unsafe withUnsafeBytes(of: number.littleEndian) { unsafe Array($0) }
    }
}
