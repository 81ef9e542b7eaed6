// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

/// A builder that has a closure, the same rebuilt with nothing but other hashes in it, and the next
/// release of it; a laptop starts with the first.
struct DeltaCorpus: Sendable {
    @TaskLocal static var current: DeltaCorpus?

    let store: TemporaryNixStore
    let key: TestKey
    let old: String
    let rebuilt: String
    let upgraded: String
    /// Paths of a closure; each has one large path, which is sent in segments.
    static let pathCount = 11

    static func prepared() throws -> DeltaCorpus { try #require(current) }

    fileprivate static func make(
        in store: TemporaryNixStore,
        _ key: TestKey
    ) async throws -> DeltaCorpus {
        let built = try await store.build(
            """
            let
              make = \(expression);
            in [
              (make "a" "1.0" "1") (make "b" "1.0" "1") (make "b" "1.1" "5")
            ]
            """
        )
        return DeltaCorpus(
            store: store,
            key: key,
            old: built[0],
            rebuilt: built[1],
            upgraded: built[2]
        )
    }

    /// `salt` changes hashes alone, `seed` some of the contents.
    private static let expression = """
        salt: version: seed: let
            build = name: script: derivation {
              inherit name salt;
              system = builtins.currentSystem;
              builder = "/bin/sh";
              args = [ "-euc" ("mkdir $out; cd $out\\n" + script) ];
              PATH = "/usr/bin:/bin:/run/current-system/sw/bin";
            };
            noise = seed: count:
              "awk 'BEGIN { srand(${seed}); for (i = 0; i < ${count}; i++) print rand() }'";
            lib = build "lib-${version}" ''
              mkdir lib
              ${noise "7" "60000"} > lib/liba.so.${version}
              echo $out >> lib/liba.so.${version}
              ${noise seed "300"} >> lib/liba.so.${version}
            '';
            big = build "big-${version}" ''
              mkdir share
              ${noise seed "300"} > share/data
              ${noise "3" "2100000"} >> share/data
              echo $out ${lib} >> share/data
              for i in 1 2 3; do ${noise "$i" "2000"} > share/$i; echo ${lib} >> share/$i; done
            '';
            tool = n: build "tool${toString n}-${version}" ''
              mkdir bin
              printf '#!/bin/sh\\nexec ${lib}/x $out\\n' > bin/tool
              ${noise (toString (n + 100)) "500"} > data
              echo $out ${big} >> data
            '';
            tools = builtins.genList tool 8;
          in build "top-${version}" ''
            echo ${toString tools} > tools
            ${noise "9" "500"} > data
          ''
        """

    /// As the tier of an agent.
    func tier(at urls: String..., delta: String = "always") -> TierSetup {
        var tier = TierSetup("builder", at: urls[0], trusting: [key.publicKey])
        tier.urls = urls
        tier.lines = ["delta = \"\(delta)\""]
        return tier
    }

    /// A builder, with a depot.
    func withBuilder<Value>(_ body: (FirnServer) async throws -> Value) async throws -> Value {
        var setup = ServerSetup(storeRoot: store.root)
        setup.keys = [key.secretPath]
        setup.compression = "zstd"
        return try await withServer(setup, body)
    }

    /// A laptop that has ``old``: a client with a store, and a Firn that serves from that store.
    func withLaptop<Value>(
        _ tier: TierSetup,
        by client: NixClient = .installed,
        trusting publicKey: String? = nil,
        _ body: (Laptop) async throws -> Value
    ) async throws -> Value {
        try await withClient(client) { home in
            try await home.run("nix-store", ["--init"]).requireSuccess()
            try await store.run("nix", ["copy", "--no-check-sigs", "--to", home.store, old])
            var setup = ServerSetup(storeRoot: home.store)
            setup.depotLocation = "none"
            setup.tiers = [tier]
            return try await withServer(setup) { agent in
                try await wait(for: "the builder to be known as a Firn") {
                    try await agent.status().tiers.first?.isFirn == true
                }
                // Waits longer than a lookup may for what is here to be known.
                _ = try await agent.explanation(of: rebuilt)
                home.use(agent: agent, trusting: publicKey ?? key.publicKey)
                return try await body(Laptop(home: home, agent: agent))
            }
        }
    }
}

/// A laptop and its agent.
struct Laptop: Sendable {
    let home: NixClientHome
    let agent: FirnServer

    /// Updates to a path with real Nix, which has to find every byte right.
    func update(to path: String) async throws {
        try await home.run("nix-store", ["--realise", path]).requireSuccess()
        try await home.run("nix-store", ["--verify", "--check-contents"]).requireSuccess()
    }

    func deltas() async throws -> StatusView.Deltas {
        try #require(try await agent.status().tiers.first?.deltas)
    }
}

/// Builds the corpus once for all suites beneath ``DeltaTests``.
struct DeltaCorpusTrait: SuiteTrait, TestScoping {
    @concurrent func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            try await withNixStore { store in
                let key = try await TestKey.make(name: "builder.test-1", in: directory)
                let corpus = try await DeltaCorpus.make(in: store, key)
                try await DeltaCorpus.$current.withValue(corpus) { try await function() }
            }
        }
    }
}

extension Trait where Self == DeltaCorpusTrait {
    /// The suite's tests find it in ``DeltaCorpus/current``.
    static var deltaCorpus: Self { Self() }
}

/// The suites of NARs that come as the difference to older ones.
@Suite(.deltaCorpus, .fewAtATime)
struct DeltaTests {}
