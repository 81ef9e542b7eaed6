// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// What one room may import besides the platform.
private struct Room {
    var below: Set<String> = []
    var packages: Set<String> = []
}

/// The arrows of ARCHITECTURE.md; a new room, arrow or package starts with a line here.
private let house: [String: Room] = [
    "NixFormat": Room(packages: ["Crypto"]),
    "Compression": Room(below: ["NixFormat"], packages: ["CBzip2", "CLZMA", "CZstd"]),
    "Caches": Room(below: ["NixFormat"]),
    "Identity": Room(below: ["NixFormat", "Caches"], packages: ["JWTKit", "Logging"]),
    "FirnAPI": Room(below: ["NixFormat"]),
    "ClientSetup": Room(below: ["NixFormat"]),
    "NixStore": Room(below: ["NixFormat"], packages: ["CLinux", "GRDB", "Logging"]),
    "Depot": Room(
        below: ["NixFormat", "Caches"],
        packages: [
            "AsyncHTTPClient", "CLinux", "Crypto", "GRDB", "Logging", "NIOCore", "NIOHTTP1",
            "NIOPosix", "NIOSSL",
        ]
    ),
    "Upstream": Room(
        below: ["NixFormat", "FirnAPI"],
        packages: [
            "AsyncHTTPClient", "Logging", "NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL",
            "ServiceLifecycle",
        ]
    ),
    "CacheService": Room(
        below: [
            "NixFormat", "Caches", "FirnAPI", "Compression", "NixStore", "Depot", "Upstream",
        ],
        packages: ["CLinux", "Logging", "ServiceLifecycle"]
    ),
    "CacheServer": Room(
        below: ["NixFormat", "Caches", "FirnAPI", "CacheService"],
        packages: [
            "HTTPTypes", "Hummingbird", "HummingbirdCore", "HummingbirdHTTP2", "Logging", "NIOCore",
            "NIOExtras", "NIOHTTP1", "NIOHTTPTypes", "NIOPosix", "NIOSSL", "ServiceLifecycle",
        ]
    ),
    "Push": Room(below: ["NixFormat", "Compression", "NixStore"]),
    "CacheClient": Room(
        below: ["NixFormat", "FirnAPI", "NixStore", "Push"],
        packages: ["AsyncHTTPClient", "NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL"]
    ),
    "Fleet": Room(
        below: ["NixFormat", "FirnAPI", "NixStore"],
        packages: ["CLinux", "Subprocess", "SystemPackage"]
    ),
    "firn": Room(
        below: [
            "NixFormat", "Caches", "Identity", "Compression", "FirnAPI", "ClientSetup",
            "NixStore", "Depot",
            "Upstream", "CacheService", "CacheServer", "Push", "CacheClient", "Fleet",
        ],
        packages: [
            "ArgumentParser", "CLinux", "Logging", "ServiceLifecycle", "TOMLKit", "UnixSignals",
        ]
    ),
]
private let platform: Set<String> = [
    "Dispatch", "Foundation", "FoundationEssentials", "Glibc", "RegexBuilder", "Synchronization",
]
private let systemLibraries: Set<String> = ["CBzip2", "CLZMA", "CLinux", "CZstd"]

@Suite struct LayerTests {
    @Test func everySourceFolderIsARoom() throws {
        let sources = SourceTree.root.appending(path: "Sources").path(percentEncoded: false)
        let folders = try FileManager.default.contentsOfDirectory(atPath: sources)
            .filter { !$0.hasPrefix(".") }
        #expect(systemLibraries.union(house.keys).symmetricDifference(folders).isEmpty)
    }

    @Test(arguments: house.keys.sorted())
    func importsOnlyTheRoomsBelow(_ name: String) throws {
        let room = try #require(house[name])
        let allowed = platform.union(room.below).union(room.packages)
        let imports = /(?m)^[ \t]*(?:@\w+(?:\(\w+\))? )*(?:\w+ )?import (?:\w+ )?(\w+)/
        for (file, text) in try swiftFiles(of: name) {
            for line in text.matches(of: imports) {
                #expect(allowed.contains(String(line.1)), "\(file) imports \(line.1)")
            }
        }
    }

    /// A type of its module's name would stand in the way of every qualified name.
    @Test(arguments: house.keys.sorted())
    func declaresNoTypeOfItsOwnName(_ name: String) throws {
        let declaration = try Regex("\\b(?:actor|class|enum|protocol|struct) \(name)\\b")
        for (file, text) in try swiftFiles(of: name) {
            let declares = text.contains(declaration)
            #expect(!declares, "\(file) declares \(name)")
        }
    }

    /// Every room may know NixFormat and firn knows every room, so the diagram leaves those out.
    @Test func architectureDiagramShowsExactlyTheseArrows() throws {
        let page = try String(
            contentsOf: SourceTree.root.appending(path: "ARCHITECTURE.md"),
            encoding: .utf8
        )
        let drawn = Set(page.matches(of: /\w+ --> \w+/).map { String($0.output) })
        let declared = house.filter { $0.key != "firn" }.flatMap { name, room in
            room.below.subtracting(["NixFormat"]).map { "\(name) --> \($0)" }
        }
        #expect(drawn.symmetricDifference(declared).isEmpty)
    }

    private func swiftFiles(of name: String) throws -> [(path: String, text: String)] {
        try SourceTree.swiftFiles(below: "Sources/\(name)")
    }
}
