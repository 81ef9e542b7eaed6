// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// A hundred clients that want one large NAR at once, of which Firn has nothing yet.
enum OneTransfer {
    private static let clients = 100
    private static let fileBytes = 1 << 30
    private static let storePath = "/nix/store/\(String(repeating: "0", count: 32))-large"

    static func measure(_ storeRoot: String) async throws -> String {
        let (nar, narHash) = try await prepare()
        let bytes = try Data(contentsOf: URL(filePath: nar), options: .alwaysMapped)
        return try await withTemporaryDirectory { directory in
            let folder = try lay(out: nar, narHash, bytes.count, in: directory)
            let site = NginxSite(folder: folder, keepsLog: true)
            return try await site.serve { nginx in
                let tier = TieredFirn.Tier(url: "http://127.0.0.1:\(nginx.port)")
                let setup = TieredFirn.Setup(storeRoot: storeRoot, tiers: [tier])
                return try await TieredFirn.run(setup) { firn in
                    let target = "/\(storePath.storeHash).narinfo"
                    let narInfo = try await getTexts([target], port: firn.port)[0]
                    let url = narInfo.narInfoField("URL") ?? ""
                    let sampler = Task { await sample(firn.process) }
                    defer { sampler.cancel() }
                    let time = try await getAll("/\(url)", firn, bytes)
                    sampler.cancel()
                    let memory = (await sampler.value, firn.peakResidentBytes)
                    let log = try String(contentsOfFile: site.logPath, encoding: .utf8)
                    let requests = log.split(separator: "\"GET /nar/").count - 1
                    return row(time, requests, memory, bytes.count)
                }
            }
        }
    }

    /// What is resident most of the time, until it is cancelled.
    private static func sample(_ process: RunningProcess) async -> Int {
        var samples: [Double] = []
        while !Task.isCancelled {
            samples.append(Double(process.residentBytes ?? 0))
            try? await Task.sleep(for: .milliseconds(100))
        }
        return Int(Figure.median(samples))
    }

    private static func row(
        _ time: Double,
        _ requests: Int,
        _ memory: (median: Int, peak: Int),
        _ size: Int
    ) -> String {
        let rate = Double(size * clients) / time / 1e6
        return """

            \(clients) clients, one NAR of \(size / 1_000_000) MB, equal bytes: \
            \(requests) upstream requests (bar: 1, \(Figure.word(requests == 1))), \
            \(memory.median / 1_000_000) MB resident in the median, at most \
            \(memory.peak / 1_000_000) MB (bar: < 100 MB, \
            \(Figure.word(memory.peak < 100_000_000))), \(Figure.format(time)) s, \(Int(rate)) MB/s in all
            """
    }

    /// - Returns: Seconds until the last client has all of it.
    private static func getAll(
        _ target: String,
        _ firn: TieredFirn,
        _ bytes: Data
    ) async throws -> Double {
        let request = HTTPRequest(target).bytes
        let port = firn.port
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<clients {
                group.addTask {
                    try await onOwnThread {
                        var offset = 0
                        let downloader = try Downloader(port: port)
                        _ = try downloader.get(request) { piece in
                            guard isEqual(piece, bytes, at: offset) else { throw WrongBytes() }
                            offset += piece.count
                        }
                        guard offset == bytes.count else { throw WrongBytes() }
                    }
                }
            }
            try await group.waitForAll()
        }
        return (ContinuousClock.now - start).seconds
    }

    /// A client got something else than the NAR.
    private struct WrongBytes: Error {}

    private static func isEqual(_ piece: ArraySlice<UInt8>, _ bytes: Data, at offset: Int) -> Bool {
        guard offset + piece.count <= bytes.count, !piece.isEmpty else { return piece.isEmpty }
        return unsafe piece.withUnsafeBytes { piece in
            unsafe bytes.withUnsafeBytes { whole in
                guard let left = piece.baseAddress, let right = whole.baseAddress else {
                    return false
                }
                return unsafe memcmp(left, right + offset, piece.count) == 0
            }
        }
    }

    private static func lay(
        out nar: String,
        _ narHash: String,
        _ size: Int,
        in directory: TemporaryDirectory
    ) throws -> String {
        let folder = try directory.makeDirectory("nginx")
        try directory.makeDirectory("nginx/nar")
        try FileManager.default.createSymbolicLink(
            atPath: "\(folder)/nar/large.nar",
            withDestinationPath: nar
        )
        try directory.write("StoreDir: /nix/store\n", to: "nginx/nix-cache-info")
        let text = """
            StorePath: \(storePath)
            URL: nar/large.nar
            Compression: none
            NarHash: sha256:\(narHash)
            NarSize: \(size)
            References:\u{20}

            """
        try directory.write(text, to: "nginx/\(storePath.storeHash).narinfo")
        return folder
    }

    /// A NAR with one file of bytes that do not compress, kept between runs.
    private static func prepare() async throws -> (path: String, hash: String) {
        let nar = "\(try ClosureSource.cacheFolder())/large-\(fileBytes >> 20).nar"
        if !FileManager.default.fileExists(atPath: nar) {
            progress("writing a NAR of \(fileBytes >> 20) MiB")
            try writeNoise(to: "\(nar).file")
            let script = """
                nix-store --dump "$0.file" >"$0.part"
                rm "$0.file"
                mv "$0.part" "$0"
                """
            try await Command("/bin/sh", ["-euc", script, nar]).run(deadline: .seconds(300))
                .requireSuccess()
        }
        let arguments = ["--type", "sha256", "--base32", "--flat", nar]
        let hash = try await Command("nix-hash", arguments).run(deadline: .seconds(120))
            .requireSuccess().text
        return (nar, hash)
    }

    /// The same bytes on every machine.
    private static func writeNoise(to path: String) throws {
        try Data().write(to: URL(filePath: path))
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        var seed: UInt64 = 0x9E37_79B9_7F4A_7C15
        for _ in 0..<(fileBytes >> 20) {
            let words = (0..<131_072).map { _ in
                seed ^= seed << 13
                seed ^= seed >> 7
                seed ^= seed << 17
                return seed
            }
            try file.write(contentsOf: unsafe words.withUnsafeBytes { unsafe Data($0) })
        }
        try file.close()
    }
}
