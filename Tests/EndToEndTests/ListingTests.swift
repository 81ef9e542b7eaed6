// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

extension ServedClosureTests {
    /// What is served beside narinfos and NARs.
    @Suite struct ListingTests {
        private let served: ServedClosure

        init() throws {
            served = try ServedClosureTests.served()
        }

        @Test(arguments: ["many", "link-4", "top"])
        func aListingIsThatOfNix(_ name: String) async throws {
            let path = try served.path(name)
            let answer = try await served.plain.get("/\(path.storeHash).ls")
            #expect(answer.status == 200)
            #expect(answer["Content-Type"] == "application/json")
            let nar = try await served.store.nar(of: path)
            let listing = try await withTemporaryDirectory { directory in
                let file = directory.path("nar")
                try write(nar, to: file)
                return try await served.store
                    .run("nix", ["nar", "ls", "--json", "--recursive", file, "/"])
            }
            let expected = "{\"root\":\(try JSONText(listing.output).canonical),\"version\":1}"
            #expect(try JSONText(answer.body).canonical == expected)
        }

        /// Nix itself cannot print this one, for the name that is not UTF-8.
        @Test func anOddTreeIsListedAllTheSame() async throws {
            let path = try served.path("odd")
            let answer = try await served.plain.get("/\(path.storeHash).ls")
            #expect(answer.status == 200)
            #expect(answer.text.contains("empty-directory"))
        }

        @Test func theLogOfABuildIsServedAsText() async throws {
            let link = try served.path("link-9")
            let derivation = try await served.store
                .run("nix-store", ["--query", "--deriver", link]).text.storeBaseName
            let answer = try await served.plain.get("/log/\(derivation)")
            #expect(answer.status == 200)
            #expect(answer.text == "building link 9\n")
            #expect(answer["Content-Type"]?.hasPrefix("text/plain") == true)
        }

        @Test func anAbsentLogIsNotAnEmptyOne() async throws {
            let name = "\(String(repeating: "0", count: 32))-absent.drv"
            let answer = try await served.plain.get("/log/\(name)")
            #expect(answer.status == 404)
        }

        @Test func filesOfAPathAreServedWithTheirBytes() async throws {
            let path = try served.path("odd")
            let files = [
                "bytes-1", "bytes-4096", "bytes-307205", "empty", "deep/er/and/deep/er/file",
            ]
            for file in files {
                let answer = try await served.plain.get("/serve/\(path.storeHash)/\(file)")
                let location = "\(served.store.location(of: path))/\(file)"
                #expect(answer.status == 200, "\(file)")
                #expect(try Bytes(answer.body) == Bytes(read(location)), "\(file)")
            }
        }

        @Test func namesOfAnyBytesAreServed() async throws {
            let hash = try served.path("odd").storeHash
            let files = [
                ("%F0%9F%92%A9", "emoji\n"), ("not-utf-8-%80", "bytes\n"),
                ("100%2525", "percent\n"), ("back%5Cslash", "backslash\n"),
                ("%20space%20", "space\n"), ("n%3f", nil), ("N/Name", "upper\n"),
            ]
            for (name, text) in files {
                let answer = try await served.plain.get("/serve/\(hash)/\(name)")
                guard let text else { continue }
                #expect(answer.status == 200, "\(name)")
                #expect(answer.text == text, "\(name)")
            }
        }

        @Test func namesInADirectoryPageCannotEscapeIntoHTML() async throws {
            let hash = try served.path("odd").storeHash
            let page = try await served.plain.get("/serve/\(hash)/")
            #expect(page.status == 200)
            #expect(!page.text.contains("x\" onmouseover="))
        }
    }
}
