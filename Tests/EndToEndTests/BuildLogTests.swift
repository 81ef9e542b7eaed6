// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

/// Build logs outlive what they are the logs of.
@Suite(.fewAtATime)
struct BuildLogTests {
    @Test func theLogOfADerivationThatIsGoneIsStillServed() async throws {
        try await withNixStore { store in
            let link = try await store.buildSmall().named("link-5")
            let derivation =
                try await store
                .run("nix-store", ["--query", "--deriver", link]).text
            try await store.collectGarbage()
            try await withServer(ServerSetup(storeRoot: store.root)) { server in
                #expect(try await server.narInfoStatus(of: derivation) == 404)
                let answer = try await server.get("/log/\(derivation.storeBaseName)")
                #expect(answer.status == 200)
                #expect(answer.text == "building link 5\n")
            }
        }
    }

    @Test func aLogThatIsNotPackedIsServedAsWell() async throws {
        try await withSmallServedStore { store, server, paths in
            let derivation =
                try await store
                .run("nix-store", ["--query", "--deriver", try paths.named("link-2")]).text
            let name = derivation.storeBaseName
            let folder = "\(store.root)/nix/var/log/nix/drvs/\(name.prefix(2))"
            let plain = "\(folder)/\(name.dropFirst(2))"
            try await Command("bzip2", ["--decompress", "\(plain).bz2"])
                .run(deadline: .seconds(60)).requireSuccess()
            let answer = try await server.get("/log/\(name)")
            #expect(answer.status == 200)
            #expect(answer.text == "building link 2\n")
        }
    }
}
