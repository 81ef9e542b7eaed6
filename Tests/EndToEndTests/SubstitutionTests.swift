// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

extension ServedClosureTests {
    /// What people have Firn for: real clients get real closures from it.
    @Suite struct SubstitutionTests {
        private let served: ServedClosure

        init() throws {
            served = try ServedClosureTests.served()
        }

        @Test(arguments: NixClient.usable, WireForm.allCases)
        func aClosureIsRealisedWithSignaturesRequired(
            _ client: NixClient,
            _ form: WireForm
        ) async throws {
            try await withClient(client) { home in
                home.use(cache: served.server(form).url, trusting: served.key.publicKey)
                try await home.run("nix-store", ["--realise", served.top]).requireSuccess()
                try await requireWholeClosure(in: home)
            }
        }

        @Test(arguments: NixClient.usable, WireForm.allCases)
        func aClosureIsCopiedWithSignaturesRequired(
            _ client: NixClient,
            _ form: WireForm
        ) async throws {
            try await withClient(client) { home in
                home.use(cache: "", trusting: served.key.publicKey)
                let from = ["copy", "--from", served.server(form).url]
                try await home.run("nix", from + [served.top]).requireSuccess()
                try await requireWholeClosure(in: home)
            }
        }

        @Test(arguments: NixClient.usable)
        func aClientThatTrustsAnotherKeyRefusesEverything(_ client: NixClient) async throws {
            try await withTemporaryDirectory { directory in
                let other = try await TestKey.make(name: served.key.name, in: directory)
                try await withClient(client) { home in
                    home.use(cache: served.plain.url, trusting: other.publicKey)
                    let leaf = try served.path("link-0")
                    let outcome = try await home.run("nix-store", ["--realise", leaf])
                    #expect(outcome.status != 0)
                    #expect(!home.holds(leaf))
                }
            }
        }

        @Test(arguments: NixClient.usable)
        func pathInfoListsTheClosureAndItsSignatures(_ client: NixClient) async throws {
            try await withClient(client) { home in
                let from = ["path-info", "--store", served.plain.url]
                let listed = try await home.runAnywhere("nix", from + ["-r", served.top])
                    .requireSuccess()
                #expect(Set(listed.lines) == Set(served.paths))
                let signed = try await home.runAnywhere("nix", from + ["--sigs", served.top])
                    .requireSuccess()
                #expect(signed.text.contains("\(served.key.name):"))
            }
        }

        @Test(arguments: NixClient.usable)
        func theLogOfABuildIsShown(_ client: NixClient) async throws {
            let link = try served.path("link-5")
            let derivation = try await served.store
                .run("nix-store", ["--query", "--deriver", link]).text
            try await withClient(client) { home in
                let arguments = ["log", "--store", served.plain.url, derivation]
                let log = try await home.runAnywhere("nix", arguments).requireSuccess()
                #expect(log.text == "building link 5")
            }
        }

        @Test(arguments: NixClient.usable, ["many", "link-7"])
        func storeListingEqualsThatOfTheStoreItself(
            _ client: NixClient,
            _ name: String
        ) async throws {
            let path = try served.path(name)
            try await withClient(client) { home in
                let list = ["store", "ls", "--json", "--recursive"]
                let remote = list + ["--store", served.plain.url, path]
                let local = list + ["--store", served.store.root, path]
                let expected = try await home.runAnywhere("nix", local)
                let listing = try await home.runAnywhere("nix", remote)
                #expect(listing.status == expected.status, "\(listing.errors)")
                #expect(
                    try JSONText(listing.output).withoutOffsets
                        == JSONText(expected.output).withoutOffsets
                )
            }
        }

        private func requireWholeClosure(in home: NixClientHome) async throws {
            let query = ["--query", "--requisites", served.top]
            let held = try await home.run("nix-store", query).requireSuccess()
            #expect(Set(held.lines) == Set(served.paths))
            try await home.run("nix-store", ["--verify", "--check-contents"]).requireSuccess()
        }
    }
}

/// The generations of clients that Firn must be seen to work with.
@Suite struct ClientGenerationTests {
    @Test(.enabled(if: NixClient.trixie.isUsable, "\(NixClient.trixie.absence)"))
    func theClientOfTrixieIsAsked() {
        #expect(NixClient.usable.contains { $0.description == "trixie" })
    }

    @Test(.enabled(if: NixClient.sid.isUsable, "\(NixClient.sid.absence)"))
    func theClientOfSidIsAsked() {
        #expect(NixClient.usable.contains { $0.description == "sid" })
    }
}
