// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

extension ServedClosureTests {
    /// Clients remember the NAR addresses of the server that Firn replaces for 30 days.
    @Suite struct URLShapeTests {
        private let served: ServedClosure
        private let path: String
        private let hash: String

        init() throws {
            served = try ServedClosureTests.served()
            path = try served.path("odd")
            hash = path.storeHash
        }

        private func narHash() async throws -> String {
            let narInfo = try await served.plain.narInfo(of: path)
            let hash = try #require(narInfo["NarHash"])
            return String(hash.dropFirst("sha256:".count))
        }

        @Test func theShapesOfOtherServersLeadToTheNAR() async throws {
            let narHash = try await narHash()
            let dump = try await served.store.nar(of: path)
            let shapes = [
                "/nar/\(hash).nar",
                "/nar/\(hash)-\(narHash).nar",
                "/nar/\(narHash).nar?hash=\(hash)",
            ]
            for shape in shapes {
                let answer = try await served.plain.get(shape)
                #expect(answer.status == 200, "\(shape)")
                #expect(Bytes(answer.body) == Bytes(dump), "\(shape)")
                let part = try await served.plain.get(
                    shape,
                    fields: [(name: "Range", value: "bytes=100-199")]
                )
                #expect(part.status == 206, "\(shape)")
                #expect(Bytes(part.body) == Bytes(dump[100...199]), "\(shape)")
            }
        }

        @Test func anotherNARHashIsNotFound() async throws {
            let other = String(repeating: "0", count: 52)
            let shapes = [
                "/nar/\(hash)-\(other).nar",
                "/nar/\(other).nar?hash=\(hash)",
                "/nar/\(hash)-\(other).nar.zst",
                "/nar/\(other).nar",
            ]
            for shape in shapes {
                let answer = try await served.plain.get(shape)
                #expect((400..<500).contains(answer.status), "\(shape) \(answer.status)")
            }
        }

        @Test func theAdvertisedShapeNamesStoreHashAndNARHash() async throws {
            let narInfo = try await served.plain.narInfo(of: path)
            #expect(narInfo["URL"] == "nar/\(hash)-\(try await narHash()).nar")
            let compressed = try await served.compressed.narInfo(of: path)
            #expect(compressed["URL"] == "nar/\(hash)-\(try await narHash()).nar.zst")
        }

        @Test func bothFormsAreServedWhicheverIsAdvertised() async throws {
            let plain = try #require(try await served.plain.narInfo(of: path)["URL"])
            let answer = try await served.compressed.get("/\(plain)")
            #expect(answer.status == 200)
            #expect(try await Bytes(answer.body) == Bytes(served.store.nar(of: path)))
        }

        @Test func narInfoIsSignedOnceAndCarriesWhatNixStores() async throws {
            let narInfo = try await served.plain.narInfo(of: served.top)
            #expect(narInfo["StorePath"] == served.top)
            #expect(narInfo["Sig"]?.hasPrefix("\(served.key.name):") == true)
            #expect(narInfo["Sig"]?.contains("\n") == false)
            let references = try await served.store
                .run("nix-store", ["--query", "--references", served.top]).lines
            let listed = (narInfo["References"] ?? "").split(separator: " ").map(String.init)
            #expect(Set(listed) == Set(references.map(\.storeBaseName)))
            #expect(listed == listed.sorted())
            let deriver = try await served.store
                .run("nix-store", ["--query", "--deriver", served.top]).text
            #expect(narInfo["Deriver"] == deriver.storeBaseName)
            #expect(narInfo["FileSize"] == narInfo["NarSize"])
            #expect(narInfo["FileHash"] == narInfo["NarHash"])
        }

        @Test func cacheInfoIsWhatClientsExpect() async throws {
            let answer = try await served.plain.get("/nix-cache-info")
            let lines = Set(answer.text.split(separator: "\n").map(String.init))
            #expect(lines == ["StoreDir: /nix/store", "WantMassQuery: 1", "Priority: 30"])
            #expect(answer.text.hasSuffix("\n"))
        }
    }
}
