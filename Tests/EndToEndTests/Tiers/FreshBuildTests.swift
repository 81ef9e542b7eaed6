// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

extension TierTests {
    /// What a builder has only just built.
    @Suite struct FreshBuildTests {
        private static let expression = """
            derivation {
              name = "fresh";
              system = builtins.currentSystem;
              builder = "/bin/sh";
              args = [ "-euc" "echo fresh > $out" ];
            }
            """

        @Test func aPathThatWasAbsentIsSeenThroughTheAgentOnceItIsBuilt() async throws {
            try await withTemporaryDirectory { directory in
                let key = try await TestKey.make(name: "builder.test-1", in: directory)
                let path = try await withNixStore { try await $0.build(Self.expression)[0] }
                try await withNixStore { store in
                    try await store.initialise()
                    var setup = ServerSetup(storeRoot: store.root)
                    setup.keys = [key.secretPath]
                    try await withServer(setup) { builder in
                        let tier = TierSetup("builder", at: builder.url, trusting: [key.publicKey])
                        try await withAgent(tier) { agent in
                            #expect(try await agent.narInfoStatus(of: path) == 404)
                            try await store.build(Self.expression)
                            // One second is promised; the others are for a busy machine.
                            try await wait(for: "path of the builder") {
                                try await agent.narInfoStatus(of: path) == 200
                            }
                        }
                    }
                }
            }
        }
    }
}
