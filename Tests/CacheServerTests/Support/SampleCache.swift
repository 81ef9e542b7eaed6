// SPDX-License-Identifier: Apache-2.0
import CacheServer
import CacheService
import HTTPTypes
import Logging
import NixFormat
import NixStore
import StoreTestSupport

/// A cache over a store in memory that has something behind every endpoint.
struct SampleCache {
    static let buildID = "abcdef0123456789abcdef0123456789abcdef01"

    let store = MemoryStore()
    let responder: CacheResponder
    let hello: StorePath
    /// One for each kind of endpoint, all of them answered with 200.
    let targets: [String]
    /// Those of ``targets`` that cannot be answered without Nix's database.
    let node = Node(version: "test")
    let databaseTargets: [String]
    /// What is absent or malformed.
    let refusedTargets: [String]

    init() throws {
        hello = try .named("hello-2.12")
        let drv = try StorePath.named("hello.drv")
        let debug = try StorePath.named("hello-debug")
        let id = try DerivationOutputID(parsing: "sha256:\(String(repeating: "ab", count: 32))!out")
        let info = store.add(hello, Self.tree, deriver: drv)
        store.add(debug, Self.symbols)
        store.change { [hello] contents in
            contents.logs[drv] = MemoryLog(Array("built\n".utf8))
            contents.realisations[id] = Realisation(id: id, outPath: hello)
            contents.buildTrace = [
                BuildTraceEntry(derivation: drv, outputName: "out", outPath: hello)
            ]
        }
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        responder = CacheResponder(
            cache: .over(.over(store, keys: [try .generate(name: "test-1")])),
            metrics: ServerMetrics(),
            priority: 30,
            node: node,
            logger: logger
        )
        databaseTargets = [
            "/\(hello.hash).narinfo", "/\(hello.hash).ls", "/\(hello.hash).closure",
            "/nar/\(hello.hash).nar",
            "/nar/\(hello.hash)-\(info.narHash.digestText(.nix32)).nar", "/log/\(hello)",
            "/realisations/\(id).doi", "/build-trace-v2/\(drv)/out.doi",
            "/debuginfo/\(Self.buildID)", "/serve/\(hello.hash)/", "/serve/\(hello.hash)/bin/hello",
            "/serve/\(hello)/share/page.html", "/readyz",
        ]
        targets =
            databaseTargets
            + ["/", "/api/v1/status", "/nix-cache-info", "/log/\(drv)", "/healthz", "/metrics"]
        refusedTargets = [
            "/x", "/%", "/serve/\(hello.hash)/missing", "/serve/\(hello.hash)/..%2f..%2fetc/passwd",
            "/serve/\(hello.hash)/bin/passwd", "/log/x", "/log/\(debug)", "/nar/x.nar",
            "/\(drv.hash).narinfo", "/\(drv.hash).ls", "/nar/\(drv.hash).nar",
            "/debuginfo/\(String(repeating: "0", count: 40))", "/debuginfo/x",
            "/realisations/x.doi",
        ]
    }

    func get(_ target: String, _ facts: RequestFacts = RequestFacts()) async -> Answer {
        await answer(.get, target, facts)
    }

    func answer(
        _ method: HTTPRequest.Method,
        _ target: String,
        _ facts: RequestFacts
    ) async -> Answer {
        await responder.answer(method: method, target: target, facts: facts)
    }

    private static let tree: MemoryTree = .folder([
        "bin": .folder([
            "hello": .file([0x7F, 0x45, 0x4C, 0x46, 0], isExecutable: true),
            "passwd": .symlink(Array("/etc/passwd".utf8)),
        ]),
        "share": .folder([
            "page.html": .text("<script>alert(1)</script>"), "README": .text("read me"),
        ]),
    ])

    private static let symbols: MemoryTree = .folder([
        "lib": .folder([
            "debug": .folder([
                ".build-id": .folder([
                    "ab": .folder(["\(buildID.dropFirst(2)).debug": .text("symbols")])
                ])
            ])
        ])
    ])
}
