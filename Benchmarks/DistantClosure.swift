// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// What a client waits for the narinfos of a closure of many tiny paths over a long link.
enum DistantClosure {
    private static let count = 1_000
    private static let roundTrip = Duration.milliseconds(40)

    static func measure(
        _ emptyStore: String,
        _ key: (secret: String, publicKey: String),
        _ options: BenchmarkOptions
    ) async throws {
        let cache = try ClosureSource.cacheFolder()
        let store = try TemporaryNixStore(root: "\(cache)/tiny", home: "\(cache)/home")
        progress("building \(count) tiny paths")
        let top = try await store.build(expression)[0]
        let paths = try await store.closure(of: [top])
        let source = ClosureSource(store: store, top: top, cache: cache)
        try await withServer(source.serverSetup(key: key).offering("none")) { builder in
            try await withTemporaryDirectory { directory in
                let folder = try directory.makeDirectory("nginx")
                try await TierSite.copyNARInfos(of: paths, builder.port, folder)
                try await NginxSite(folder: folder).serve { nginx in
                    try await DelayRelay.run(to: nginx.port, roundTrip: roundTrip) { plain in
                        try await DelayRelay.run(to: builder.port, roundTrip: roundTrip) { firn in
                            let sides = [("a Firn", firn.port), ("nginx", plain.port)]
                            report("\n\(Figure.header("direct"))")
                            for (name, port) in sides {
                                let tier = TieredFirn.Tier(
                                    url: "http://127.0.0.1:\(port)",
                                    publicKey: key.publicKey
                                )
                                let setup = TieredFirn.Setup(
                                    storeRoot: emptyStore,
                                    tiers: [tier],
                                    hasDepot: false
                                )
                                try await figure(name, setup, plain.port, top, paths.count)
                                    .run(rounds: options.rounds)
                            }
                        }
                    }
                }
            }
        }
    }

    private static func figure(
        _ name: String,
        _ setup: TieredFirn.Setup,
        _ direct: UInt16,
        _ top: String,
        _ paths: Int
    ) -> Figure {
        let name = "distant, narinfos of \(paths) paths at 40 ms, agent in front of \(name)"
        return Figure(name: name, unit: .seconds, bar: nil) { side in
            guard side == .firn else {
                return try await ask("http://127.0.0.1:\(direct)", top, paths)
            }
            return try await TieredFirn.run(setup) { try await ask($0.url, top, paths) }
        }
    }

    /// A Nix that knows nothing yet finds out what it would fetch: with 25 connections, each path's
    /// references as soon as its narinfo is there.
    private static func ask(_ url: String, _ top: String, _ count: Int) async throws -> Double {
        try await withClient(.installed) { home in
            home.use(cache: url, trusting: nil)
            let start = ContinuousClock.now
            let outcome = try await home.run("nix-store", ["--realise", "--dry-run", top])
            let time = (ContinuousClock.now - start).seconds
            guard outcome.errors.split(separator: "\n  /nix/store/").count - 1 == count else {
                throw Downloader.UselessAnswer(description: String(outcome.errors.suffix(2000)))
            }
            return time
        }
    }

    /// 25 levels of 40 paths, each of which refers to two of the level below.
    private static var expression: String {
        """
        let
          build = name: text: derivation {
            inherit name;
            system = builtins.currentSystem;
            builder = "/bin/sh";
            args = [ "-c" "echo '${text}' >$out" ];
          };
          paths = builtins.genList path \(count);
          at = builtins.elemAt paths;
          path = n: build "tiny-${toString n}"
            (if n < 40 then "" else "${at (n - 40)} ${at (n - (if n < 41 then 40 else 41))}");
          last = builtins.genList (n: at (\(count) - 40 + n)) 40;
        in build "tiny-top" (toString last)
        """
    }
}
