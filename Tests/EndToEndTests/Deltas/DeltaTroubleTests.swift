// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

extension DeltaTests {
    /// Whatever is wrong with a delta, Nix gets the NAR.
    @Suite struct DeltaTroubleTests {
        private let corpus: DeltaCorpus

        init() throws {
            corpus = try DeltaCorpus.prepared()
        }

        /// What a hostile builder answers when a delta is asked for.
        enum Lie: String, CaseIterable, Sendable {
            case garbage
            case nothing
            /// It ends in the middle.
            case truncated
            /// It is about another base.
            case otherBase
            /// It unpacks to a quarter of a gigabyte.
            case bomb
            /// It unpacks to as many bytes as it should, and others.
            case otherContents
            /// Large ones claim what no memory has.
            case hugeSegment
        }

        @Test(arguments: Lie.allCases)
        func aHostileDeltaIsReplacedUnseen(_ lie: Lie) async throws {
            try await withTemporaryDirectory { directory in
                let folder = try directory.makeDirectory("lies")
                let path = corpus.rebuilt
                let name = try await write(lie, for: path, in: folder, directory)
                try await corpus.withBuilder { builder in
                    // What is asked for with its bases gets the lie, everything else the truth.
                    let lines = """
                        location = /api/v1/deltas { return 404; }
                        location ~ [.]nar$ {
                            error_page 418 = @lie;
                            if ($http_x_firn_bases != "") { return 418; }
                            proxy_pass http://127.0.0.1:\(builder.port);
                        }
                        location @lie {
                            root \(folder);
                            rewrite ^ /lie break;
                            add_header Content-Encoding \(name) always;
                        }
                        location / { proxy_pass http://127.0.0.1:\(builder.port); }
                        """
                    try await withNginx(server: lines, in: directory) { port in
                        let tier = corpus.tier(at: "http://127.0.0.1:\(port)")
                        try await corpus.withLaptop(tier) { laptop in
                            try await laptop.update(to: path)
                            let deltas = try await laptop.deltas()
                            #expect(deltas.used == 0)
                            #expect(deltas.failures > 0)
                            #expect(try await laptop.agent.forbiddenAnswers.isEmpty)
                        }
                    }
                }
            }
        }

        /// - Returns: The content coding of the lie.
        private func write(
            _ lie: Lie,
            for path: String,
            in folder: String,
            _ directory: TemporaryDirectory
        ) async throws -> String {
            let base = try await corpus.store.nar(of: corpus.old)
            let target = try await corpus.store.nar(of: path)
            var contents = target
            var hash = SHA256Hasher.hash(base).digest
            switch lie {
            case .bomb: contents = [UInt8](repeating: 0, count: 1 << 28)
            case .otherContents: contents[contents.count / 2] ^= 1
            case .otherBase: hash = SHA256Hasher.hash(target).digest
            case .garbage, .nothing, .truncated, .hugeSegment: break
            }
            let file = "\(folder)/lie"
            if lie == .garbage || lie == .nothing {
                let bytes = lie == .garbage ? Array("SSH-2.0-something".utf8) : []
                try Data(bytes).write(to: URL(filePath: file))
                return "dcz"
            }
            if lie == .hugeSegment {
                var bytes = Array("firn\u{394}".utf8) + [1, 10] + hash
                bytes += SHA256Hasher.hash(target).digest
                for count in [base.count, target.count] {
                    bytes += (0..<8).map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) }
                }
                bytes += [1] + [UInt8](repeating: 0xFF, count: 1 << 20)
                try Data(bytes).write(to: URL(filePath: file))
                return "firn-delta"
            }
            let basePath = directory.path("base")
            let targetPath = directory.path("target")
            try Data(base).write(to: URL(filePath: basePath))
            try Data(contents).write(to: URL(filePath: targetPath))
            let command = Command("zstd", ["-qc", "--patch-from=\(basePath)", targetPath])
            var frame = try await command.run(deadline: .seconds(120)).requireSuccess().output
            if lie == .truncated { frame.removeLast(frame.count / 3) }
            let body = [0x5E, 0x2A, 0x4D, 0x18, 0x20, 0, 0, 0] + hash + frame
            try Data(body).write(to: URL(filePath: file))
            return "dcz"
        }

        /// What the laptop has is not any more what its database says.
        @Test func aBaseThatHasChangedIsFoundOut() async throws {
            try await corpus.withBuilder { builder in
                try await corpus.withLaptop(corpus.tier(at: builder.url)) { laptop in
                    let base = laptop.home.store + corpus.old
                    try FileManager.default.setAttributes(
                        [.posixPermissions: 0o755],
                        ofItemAtPath: base
                    )
                    var data = try read("\(base)/data")
                    data[100] ^= 1
                    try FileManager.default.removeItem(atPath: "\(base)/data")
                    try Data(data).write(to: URL(filePath: "\(base)/data"))
                    let realise = ["--realise", corpus.rebuilt]
                    try await laptop.home.run("nix-store", realise).requireSuccess()
                    let nar = try await corpus.store.nar(of: corpus.rebuilt)
                    let dump = ["--dump", laptop.home.store + corpus.rebuilt]
                    let made = try await laptop.home.runAnywhere("nix-store", dump)
                    #expect(try made.requireSuccess().output == nar)
                    let deltas = try await laptop.deltas()
                    #expect(deltas.failures == 1)
                    #expect(deltas.used == DeltaCorpus.pathCount - 1)
                }
            }
        }

        /// The builder has another closure, but not what the laptop starts from.
        @Test func aBuilderWithoutTheBaseSendsTheOrdinaryFormAtOnce() async throws {
            try await withNixStore { store in
                try await store.initialise()
                let copy = ["copy", "--no-check-sigs", "--to", store.root, corpus.rebuilt]
                try await corpus.store.run("nix", copy)
                var setup = ServerSetup(storeRoot: store.root)
                setup.keys = [corpus.key.secretPath]
                setup.compression = "zstd"
                try await withServer(setup) { builder in
                    let paths = try await store.closure(of: [corpus.rebuilt])
                    try await builder.compressAhead(paths, within: .seconds(120))
                    try await withGate(to: builder.port) { gate in
                        try await corpus.withLaptop(corpus.tier(at: gate.url)) { laptop in
                            try await laptop.update(to: corpus.rebuilt)
                            let deltas = try await laptop.deltas()
                            #expect(deltas.used == 0)
                            #expect(deltas.failures == 0)
                            // One question for each, and the answer was used.
                            #expect(gate.narCount == DeltaCorpus.pathCount, "\(gate.targets)")
                        }
                    }
                }
            }
        }

        /// A proxy that keeps what it has seen.
        @Test func aStockProxyPassesThemOnAndConfusesNobody() async throws {
            try await withTemporaryDirectory { directory in
                let cache = try directory.makeDirectory("proxy-cache")
                try await corpus.withBuilder { builder in
                    let lines = """
                        location / {
                            proxy_pass http://127.0.0.1:\(builder.port);
                            proxy_http_version 1.1;
                            proxy_cache nars;
                        }
                        """
                    let zone = "proxy_cache_path \(cache) keys_zone=nars:1m;"
                    try await withNginx(server: lines, beside: zone, in: directory) { port in
                        let url = "http://127.0.0.1:\(port)"
                        for _ in 0..<2 {
                            try await corpus.withLaptop(corpus.tier(at: url)) { laptop in
                                try await laptop.update(to: corpus.upgraded)
                                #expect(try await laptop.deltas().used == DeltaCorpus.pathCount)
                            }
                        }
                        // Nobody's delta is what a client gets that has never heard of them.
                        try await withClient(.installed) { home in
                            home.use(cache: url, trusting: corpus.key.publicKey)
                            let realise = ["--realise", corpus.upgraded]
                            try await home.run("nix-store", realise).requireSuccess()
                        }
                    }
                }
            }
        }
    }
}
