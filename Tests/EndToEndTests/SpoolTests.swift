// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// Compressed NARs that are made ahead, within their bound.
@Suite(.fewAtATime)
struct SpoolTests {
    @Test func theCompressedFormIsTheNARWithATrueHashAndLength() async throws {
        try await withNixStore { store in
            let paths = try await store.buildSmall()
            var setup = ServerSetup(storeRoot: store.root)
            setup.compression = "zstd"
            try await withServer(setup) { server in
                try await server.compressAhead(paths, within: .seconds(120))
                for name in ["large", "many", "odd", "link-3"] {
                    let path = try paths.named(name)
                    let narInfo = try await server.narInfo(of: path)
                    let answer = try await server.get("/\(try #require(narInfo["URL"]))")
                    #expect(answer.isComplete)
                    #expect(narInfo["FileSize"] == "\(answer.body.count)", "\(name)")
                    #expect(narInfo["FileHash"] == (try await nixHash(answer.body)), "\(name)")
                    #expect(try await Bytes(unpack(answer.body)) == Bytes(store.nar(of: path)))
                }
            }
        }
    }

    @Test func whatWasMadeAheadSurvivesARestart() async throws {
        try await withNixStore { store in
            let paths = try await store.buildSmall()
            try await withTemporaryDirectory { directory in
                var setup = ServerSetup(storeRoot: store.root)
                setup.compression = "zstd"
                setup.environment["FIRN_DEPOT_LOCATION"] = directory.path("depot")
                let top = try paths.named("top")
                let before = try await withServer(setup) { server in
                    try await server.compressAhead(paths, within: .seconds(120))
                    return try await server.narInfo(of: top)
                }
                try await withServer(setup) { server in
                    var after = try await server.narInfo(of: top)
                    after["Sig"] = before["Sig"]
                    #expect(after == before)
                }
            }
        }
    }

    @Test(.enabled(if: getuid() == 0, "mounts a small file system"))
    func aFullDiskCostsTheCompressedFormOnly() async throws {
        try await withNixStore { store in
            var closure = SampleClosure.small
            closure.largeBytes = 12_000_000
            let paths = try await store.buildSmall(closure)
            var setup = ServerSetup(storeRoot: store.root)
            setup.compression = "zstd"
            setup.hasOwnMounts = true
            // A disk that small is never what Firn calls ready.
            setup.readinessTarget = "/healthz"
            setup.launcher = """
                mkdir -p "$STATE/depot"
                mount -t tmpfs -o size=6m none "$STATE/depot"
                exec "$@"
                """
            try await withServer(setup) { server in
                let large = try paths.named("large")
                let target = try await server.narTarget(of: large)
                let dump = try await store.nar(of: large)
                for _ in 0..<3 {
                    let answer = try await server.get(target)
                    #expect(answer.isComplete)
                    #expect(Bytes(answer.body) == Bytes(dump))
                }
                let link = try paths.named("link-3")
                // While the large one is tried, there is no room for others either.
                try await wait(for: "zstd form of a small path") {
                    _ = try await server.get(try await server.narTarget(of: link))
                    return try await server.narInfo(of: link)["Compression"] == "zstd"
                }
                #expect(try await server.narInfo(of: large)["Compression"] == "none")
                #expect(try await server.get("/healthz").status == 200)
            }
        }
    }

    @Test func theSpoolStaysWithinItsBoundAtEveryMoment() async throws {
        try await withNixStore { store in
            var closure = SampleClosure.small
            closure.links = 24
            closure.largeBytes = 3_000_000
            let paths = try await store.buildSmall(closure)
            var setup = ServerSetup(storeRoot: store.root)
            setup.compression = "zstd"
            setup.depotSize = "2MB"
            try await withServer(setup) { server in
                var largest = 0
                for path in paths + paths {
                    let target = try await server.narTarget(of: path)
                    let answer = try await server.get(target)
                    #expect(answer.isComplete, "\(path)")
                    largest = max(largest, try sizeBytes(of: "\(server.state)/depot/nar"))
                }
                #expect(largest <= 2_000_000)
            }
        }
    }

    private func sizeBytes(of folder: String) throws -> Int {
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []
        return names.reduce(0) { sum, name in
            let facts = try? FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")
            guard facts?[.type] as? FileAttributeType == .typeRegular else { return sum }
            return sum + (facts?[.size] as? Int ?? 0)
        }
    }

    private func nixHash(_ bytes: [UInt8]) async throws -> String {
        try await withTemporaryDirectory { directory in
            try write(bytes, to: directory.path("file"))
            let arguments = ["--type", "sha256", "--base32", "--flat", directory.path("file")]
            let hash = try await Command("nix-hash", arguments).run(deadline: .seconds(30))
            return "sha256:\(try hash.requireSuccess().text)"
        }
    }

    private func unpack(_ bytes: [UInt8]) async throws -> [UInt8] {
        try await withTemporaryDirectory { directory in
            try write(bytes, to: directory.path("file.zst"))
            let arguments = ["--decompress", "--stdout", directory.path("file.zst")]
            let command = Command("zstd", arguments)
            return try await command.run(deadline: .seconds(30)).requireSuccess().output
        }
    }
}
