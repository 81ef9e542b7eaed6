// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// A closure in a folder as `nix copy` writes it, behind nginx: what cache.nixos.org is.
///
/// Its own store is part of it only for comparison; no Firn under test sees it.
struct PublicCache: Sendable {
    @TaskLocal static var current: PublicCache?

    let store: TemporaryNixStore
    let key: TestKey
    /// The path that refers to all the others but ``big``.
    let top: String
    /// The closure of ``top``, as `.nar.xz`.
    let paths: [String]
    /// 64 MB that do not compress, as `.nar.zst`.
    let big: String
    /// Paths of a megabyte each that does not compress, as `.nar.zst`.
    let pieces: [String]
    /// Where the narinfos and `nar/` lie.
    let folder: String
    let port: UInt16

    var url: String { "http://127.0.0.1:\(port)" }

    /// As the last tier of a Firn.
    var tier: TierSetup { tier(at: url) }

    /// The same cache by another way, such as a ``Gate``.
    func tier(named name: String = "public", at url: String) -> TierSetup {
        TierSetup(name, at: url, trusting: [key.publicKey])
    }

    func path(_ name: String) throws -> String { try paths.named(name) }

    /// The file of a path that nginx serves.
    func file(of path: String) throws -> [UInt8] {
        try read("\(folder)/\(narInfoField("URL", of: path))")
    }

    func narInfo(of path: String) throws -> String {
        try String(contentsOfFile: "\(folder)/\(path.storeHash).narinfo", encoding: .utf8)
    }

    func narInfoField(_ name: String, of path: String) throws -> String {
        let line = try narInfo(of: path).split(separator: "\n").first { $0.hasPrefix("\(name): ") }
        return String(try #require(line).dropFirst(name.count + 2))
    }

    /// What the suites that ask it have in common.
    static func prepared() throws -> PublicCache { try #require(current) }

    /// ``big`` and ``pieces``; not part of the closure, since few tests want to wait for them.
    fileprivate static let expression = """
        let
          random = name: count: derivation {
            inherit name;
            system = builtins.currentSystem;
            builder = "/bin/sh";
            args = [ "-euc" "mkdir $out; head -c ${count} /dev/urandom > $out/random" ];
            PATH = "/usr/bin:/bin:/run/current-system/sw/bin";
          };
          piece = n: random "piece-${toString n}" "1000000";
        in [ (random "big" "64000000") ] ++ builtins.genList piece 12
        """
}

/// Makes the cache once for all suites beneath ``TierTests``.
struct PublicCacheTrait: SuiteTrait, TestScoping {
    @concurrent func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            try await withNixStore { store in
                let key = try await TestKey.make(name: "public.test-1", in: directory)
                var closure = SampleClosure.small
                closure.largeBytes = 2_000_000
                let paths = try await store.buildSmall(closure)
                let random = try await store.build(PublicCache.expression)
                let folder = try directory.makeDirectory("cache")
                let secret = "secret-key=\(key.secretPath)"
                let target = "file://\(folder)?\(secret)&compression"
                try await store.run("nix", ["copy", "--to", "\(target)=xz"] + paths)
                try await store.run("nix", ["copy", "--to", "\(target)=zstd"] + random)
                try await withNginx(serving: folder, in: directory) { port in
                    let cache = PublicCache(
                        store: store,
                        key: key,
                        top: try paths.named("top"),
                        paths: paths,
                        big: random[0],
                        pieces: Array(random.dropFirst()),
                        folder: folder,
                        port: port
                    )
                    try await PublicCache.$current.withValue(cache) { try await function() }
                }
            }
        }
    }
}

extension Trait where Self == PublicCacheTrait {
    /// The suite's tests find the cache in ``PublicCache/current``.
    static var publicCache: Self { Self() }
}

/// The suites of a Firn with other caches behind it.
@Suite(.publicCache, .fewAtATime)
struct TierTests {}
