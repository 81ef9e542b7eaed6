// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Synchronization
import Testing

/// One thing that a tier can do wrong.
enum Hostility: Sendable, CustomTestStringConvertible {
    case refused
    /// Connections are neither taken nor refused.
    case blackHole
    case deadName
    case silent
    case status(Int, retryAfter: String? = nil)
    case notHTTP
    case redirectLoop
    case garbageNARInfo
    case emptyNARInfo
    /// It says that it has 9 EB of it, and begins to send them.
    case endlessNARInfo
    case drippingNARInfo
    case wrongSignature
    case absurdFileSize
    /// A little more than the file has.
    case wrongFileSize
    case wrongFileHash
    case narMissing
    /// As long as the narinfo says, and one bit differs.
    case wrongBytes
    /// Half of the NAR, as if that were all.
    case shortNAR
    /// Half of the NAR, and then the connection ends.
    case brokenNAR
    case silentNAR
    /// The head of the answer, and then nothing.
    case headOfNAR
    case drippingNAR
    /// Half of the NAR, and then nothing.
    case stallingNAR

    static let all: [Hostility] =
        [.refused, .blackHole, .deadName, .silent]
        + [401, 403, 404, 418, 429, 500, 503].map { .status($0) }
        + [.status(429, retryAfter: "600"), .status(503, retryAfter: "600")]
        + [.notHTTP, .redirectLoop, .garbageNARInfo, .emptyNARInfo, .endlessNARInfo]
        + [.drippingNARInfo, .wrongSignature, .absurdFileSize, .wrongFileSize, .wrongFileHash]
        + [.narMissing]
        + [.wrongBytes, .shortNAR, .brokenNAR, .silentNAR, .headOfNAR, .drippingNAR, .stallingNAR]

    var testDescription: String {
        switch self {
        case .status(let code, nil): "\(code)"
        case .status(let code, let after?): "\(code), Retry-After: \(after)"
        default: "\(self)"
        }
    }

    /// Runs such a tier, that has all of a cache apart from what it does wrong.
    func run<Value>(
        before cache: PublicCache,
        _ body: (_ url: String) async throws -> Value
    ) async throws -> Value {
        switch self {
        case .refused:
            return try await body("http://127.0.0.1:\(try ListeningSocket().port)")
        case .deadName:
            return try await body("http://cache.firn-test.invalid:5000")
        case .blackHole:
            let hole = try BlackHole()
            defer { withExtendedLifetime(hole) {} }
            return try await body(hole.url)
        default:
            let server = try HostileServer { target, socket in
                try answer(target, on: socket, from: cache)
            }
            defer { server.stop() }
            return try await body(server.url)
        }
    }

    private func answer(
        _ target: String,
        on socket: StreamSocket,
        from cache: PublicCache
    ) throws {
        switch self {
        case .silent: return try socket.staySilent()
        case .notHTTP: return try socket.write(Array("SSH-2.0-something\r\n".utf8))
        case .status(let code, let after):
            let fields = after.map { ["Retry-After: \($0)"] } ?? []
            return try socket.answer(code, Array("trouble\n".utf8), fields: fields)
        case .redirectLoop:
            return try socket.answer(302, [], fields: ["Location: \(target)"])
        default: break
        }
        guard let file = try? read(cache.folder + target) else { return try socket.answer(404, []) }
        if target.hasSuffix(".narinfo") {
            try answer(narInfo: file, on: socket, from: cache)
        } else if target.contains("/nar/") {
            try answer(nar: file, on: socket)
        } else {
            try socket.answer(200, file)
        }
    }

    private func answer(
        narInfo file: [UInt8],
        on socket: StreamSocket,
        from cache: PublicCache
    ) throws {
        let text = String(decoding: file, as: UTF8.self)
        switch self {
        case .garbageNARInfo: try socket.answer(200, Array(file.map { $0 ^ 0xA5 }))
        case .emptyNARInfo: try socket.answer(200, [])
        case .drippingNARInfo:
            try socket.writeHead(200, length: file.count)
            try socket.drip(file)
        case .endlessNARInfo:
            try socket.writeHead(200, length: .max)
            while true { try socket.write(Array(repeating: UInt8(ascii: "a"), count: 65_536)) }
        case .wrongSignature:
            let other = text.contains("-top\n") ? try cache.path("odd") : cache.top
            let signature = try cache.narInfoField("Sig", of: other)
            let forged = text.replacing(/Sig: .*/, with: "Sig: \(signature)")
            try socket.answer(200, Array(forged.utf8))
        case .absurdFileSize:
            let absurd = text.replacing(/FileSize: .*/, with: "FileSize: \(UInt64.max)")
            try socket.answer(200, Array(absurd.utf8))
        case .wrongFileSize:
            let size = try #require(text.firstMatch(of: /FileSize: (\d+)/).flatMap { Int($0.1) })
            let wrong = text.replacing(/FileSize: .*/, with: "FileSize: \(size + 1_000)")
            try socket.answer(200, Array(wrong.utf8))
        case .wrongFileHash:
            let hash = try cache.narInfoField("FileHash", of: cache.big)
            let wrong = text.replacing(/FileHash: .*/, with: "FileHash: \(hash)")
            try socket.answer(200, Array(wrong.utf8))
        default: try socket.answer(200, file)
        }
    }

    private func answer(nar file: [UInt8], on socket: StreamSocket) throws {
        switch self {
        case .narMissing: try socket.answer(404, [])
        case .wrongBytes:
            var changed = file
            changed[file.count / 2] ^= 1
            try socket.answer(200, changed)
        case .shortNAR: try socket.answer(200, Array(file.prefix(file.count / 2)))
        case .brokenNAR:
            try socket.writeHead(200, length: file.count)
            try socket.write(file.prefix(file.count / 2))
        case .silentNAR: try socket.staySilent()
        case .headOfNAR:
            try socket.writeHead(200, length: file.count)
            try socket.staySilent()
        case .stallingNAR:
            try socket.writeHead(200, length: file.count)
            try socket.write(file.prefix(file.count / 2))
            try socket.staySilent()
        case .drippingNAR:
            try socket.writeHead(200, length: file.count)
            try socket.drip(file)
        default: try socket.answer(200, file)
        }
    }
}

/// A port to which connecting never ends.
final class BlackHole: Sendable {
    var url: String { "http://127.0.0.1:\(listener.port)" }

    private let listener: ListeningSocket
    private let queued = Mutex<[StreamSocket]>([])

    init() throws {
        listener = try ListeningSocket(backlog: 0)
        // It fills the queue; for the next one there is no answer.
        let first = try StreamSocket.connect(port: listener.port)
        queued.withLock { $0.append(first) }
    }
}
