// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

/// Content-addressed derivations, whose outputs have no name before they were built.
@Suite(.fewAtATime)
struct RealisationTests {
    private static let expression = """
        derivation {
          name = "content-addressed";
          system = builtins.currentSystem;
          builder = "/bin/sh";
          args = [ "-euc" "mkdir $out; echo content >$out/file" ];
          PATH = "/usr/bin:/bin:/run/current-system/sw/bin";
          __contentAddressed = true;
          outputHashMode = "recursive";
          outputHashAlgo = "sha256";
        }
        """

    @Test(arguments: NixClient.usable)
    func anOutputIsFoundByItsDerivation(_ client: NixClient) async throws {
        try await withTemporaryDirectory { directory in
            let key = try await TestKey.make(name: "firn.test-1", in: directory)
            try await withNixStore { store in
                let built = try await store.build(Self.expression)
                var setup = ServerSetup(storeRoot: store.root)
                setup.keys = [key.secretPath]
                try await withServer(setup) { server in
                    try await withClient(client) { home in
                        home.use(cache: server.url, trusting: key.publicKey)
                        // It may build nothing, so what it prints is what Firn told it.
                        let arguments = ["--no-out-link", "--expr", Self.expression]
                        let found = try await home.run("nix-build", arguments).requireSuccess()
                        #expect(found.lines == built)
                        #expect(built.allSatisfy { home.holds($0) })
                    }
                }
            }
        }
    }
}
