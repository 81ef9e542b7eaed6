// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// The house rules of every target of ours; packages we depend on are not touched.
var strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),  // SE-0335
    .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
    .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),  // SE-0461
    .enableUpcomingFeature("InferIsolatedConformances"),  // SE-0470
    .strictMemorySafety(),  // SE-0458
]

// A packager's compiler may warn where ours is silent, so packagers can let warnings pass.
if Context.environment["FIRN_ALLOW_WARNINGS"] == nil {
    strict += [
        .treatAllWarnings(as: .error),  // SE-0480
        .treatWarning("DeprecatedDeclaration", as: .warning),
    ]
}

let argumentParser = product("ArgumentParser", of: "swift-argument-parser")
let crypto = product("Crypto", of: "swift-crypto")
let cryptoExtras = product("CryptoExtras", of: "swift-crypto")
let grdb = product("GRDB", of: "GRDB.swift")
let lifecycle = product("ServiceLifecycle", of: "swift-service-lifecycle")
let jwtKit = product("JWTKit", of: "jwt-kit")
let logging = product("Logging", of: "swift-log")
let unixSignals = product("UnixSignals", of: "swift-service-lifecycle")
let subprocess = product("Subprocess", of: "swift-subprocess")
let system = product("SystemPackage", of: "swift-system")
let tomlKit = product("TOMLKit", of: "TOMLKit")
let webClient = [
    product("AsyncHTTPClient", of: "async-http-client"),
    product("NIOCore", of: "swift-nio"),
    product("NIOHTTP1", of: "swift-nio"),
    product("NIOPosix", of: "swift-nio"),
    product("NIOSSL", of: "swift-nio-ssl"),
]
let webServer = [
    product("HTTPTypes", of: "swift-http-types"),
    product("HummingbirdCore", of: "hummingbird"),
    product("HummingbirdHTTP2", of: "hummingbird"),
    product("NIOCore", of: "swift-nio"),
    product("NIOExtras", of: "swift-nio-extras"),
    product("NIOHTTP1", of: "swift-nio"),
    product("NIOHTTPTypes", of: "swift-nio-extras"),
    product("NIOPosix", of: "swift-nio"),
    product("NIOSSL", of: "swift-nio-ssl"),
]

let package = Package(
    name: "firn",
    products: [
        .executable(name: "firn", targets: ["firn"]),
        .library(name: "NixFormat", targets: ["NixFormat"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        // Pure: no files, no sockets, no clock, no `async`.
        .target(name: "NixFormat", dependencies: [crypto]),
        .target(
            name: "Compression",
            dependencies: ["NixFormat", "CBzip2", "CLZMA", "CZstd"]
        ),

        // Which caches there are, and who may do what with them. Pure.
        .target(name: "Caches", dependencies: ["NixFormat"]),

        // Whom an issuer of identities vouches for; others fetch for it.
        .target(name: "Identity", dependencies: ["NixFormat", "Caches", jwtKit, logging]),

        // What the two ends of Firn's own questions agree on. Pure.
        .target(name: "FirnAPI", dependencies: ["NixFormat"]),

        // The files by which a client of Nix uses a cache. Pure.
        .target(name: "ClientSetup", dependencies: ["NixFormat"]),

        // One secret each: the Nix on this machine, the NARs we keep.
        .target(name: "NixStore", dependencies: ["NixFormat", "CLinux", grdb, logging]),
        .target(
            name: "Depot",
            dependencies: ["NixFormat", "Caches", "CLinux", crypto, grdb, logging] + webClient
        ),
        .target(
            name: "Upstream",
            dependencies: ["NixFormat", "FirnAPI", lifecycle, logging] + webClient
        ),

        // The rules of the product, and the wire.
        .target(
            name: "CacheService",
            dependencies: [
                "NixFormat", "Caches", "FirnAPI", "Compression", "NixStore", "Depot", "Upstream",
                "CLinux", lifecycle, logging,
            ]
        ),
        .target(
            name: "CacheServer",
            dependencies: [
                "NixFormat", "Caches", "FirnAPI", "CacheService", lifecycle, logging,
            ] + webServer
        ),

        // What to send to a cache, in which order, and again when it fails; no wire.
        .target(
            name: "Push",
            dependencies: ["NixFormat", "Compression", "NixStore"]
        ),

        // The wire as seen from a client.
        .target(
            name: "CacheClient",
            dependencies: ["NixFormat", "FirnAPI", "NixStore", "Push"] + webClient
        ),

        // Hosts, builds, deployments and what became of them.
        .target(
            name: "Fleet",
            dependencies: ["NixFormat", "FirnAPI", "NixStore", "CLinux", subprocess, system]
        ),

        // The only place that knows them all.
        .executableTarget(
            name: "firn",
            dependencies: [
                "NixFormat", "Caches", "Identity", "Compression", "FirnAPI", "ClientSetup",
                "NixStore", "Depot",
                "Upstream", "CacheService", "CacheServer", "Push", "CacheClient", "Fleet", "CLinux",
                argumentParser,
                lifecycle, logging, tomlKit, unixSignals,
            ]
        ),

        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CLZMA", pkgConfig: "liblzma", providers: [.apt(["liblzma-dev"])]),
        .systemLibrary(name: "CBzip2", providers: [.apt(["libbz2-dev"])]),

        .testTarget(name: "ArchitectureTests"),
        .testTarget(
            name: "NixFormatTests",
            dependencies: ["NixFormat"],
            exclude: []
        ),
        .target(
            name: "FirnTestSupport",
            dependencies: ["NixFormat", crypto, cryptoExtras],
            path: "Tests/FirnTestSupport"
        ),
        // The binary, real clients and a temporary folder.
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "NixFormat", "NixStore", "Push", "CacheClient", "Fleet", "firn", "PushTestSupport",
                "FleetTestSupport", "FirnTestSupport", grdb,
            ]
        ),
        // Measures the binary against nginx.
        .executableTarget(
            name: "FirnBenchmarks",
            dependencies: [
                "NixFormat", "FirnAPI", "Fleet", "firn", "FirnTestSupport", "FleetTestSupport",
            ],
            path: "Benchmarks"
        ),
        // The commands, run as a user runs them, and the configuration behind them.
        .testTarget(
            name: "FirnTests",
            dependencies: [
                "NixFormat", "Caches", "Identity", "FirnAPI", "ClientSetup", "Push", "CacheClient",
                "firn", "FirnTestSupport", logging,
            ]
        ),
        .testTarget(
            name: "ClientSetupTests",
            dependencies: ["NixFormat", "ClientSetup", "FirnTestSupport"]
        ),
        .testTarget(name: "FirnAPITests", dependencies: ["NixFormat", "FirnAPI"]),
        .testTarget(
            name: "CacheClientTests",
            dependencies: [
                "NixFormat", "FirnAPI", "NixStore", "Push", "CacheClient", "PushTestSupport",
                "FirnTestSupport",
            ]
        ),
        .target(
            name: "PushTestSupport",
            dependencies: ["NixFormat", "Compression", "NixStore", "Push"],
            path: "Tests/PushTestSupport"
        ),
        .testTarget(
            name: "PushTests",
            dependencies: [
                "NixFormat", "Compression", "NixStore", "Push", "PushTestSupport",
                "FirnTestSupport",
            ]
        ),
        .testTarget(name: "CompressionTests", dependencies: ["NixFormat", "Compression"]),
        .testTarget(
            name: "NixStoreTests",
            dependencies: ["NixFormat", "NixStore", "FirnTestSupport", grdb, logging]
        ),
        // Machines made of namespaces, to deploy to.
        .target(
            name: "FleetTestSupport",
            dependencies: ["NixFormat", "Fleet", "FirnTestSupport"],
            path: "Tests/FleetTestSupport"
        ),
        .testTarget(
            name: "FleetTests",
            dependencies: [
                "NixFormat", "FirnAPI", "NixStore", "Fleet", "FleetTestSupport", "FirnTestSupport",
            ]
        ),
        .testTarget(name: "CachesTests", dependencies: ["NixFormat", "Caches"]),
        .testTarget(
            name: "IdentityTests",
            dependencies: ["Caches", "Identity", "FirnTestSupport", logging]
        ),
        .testTarget(
            name: "DepotTests",
            dependencies: ["NixFormat", "Caches", "Depot", "FirnTestSupport", logging]
        ),
        .testTarget(
            name: "UpstreamTests",
            dependencies: ["NixFormat", "Upstream", "FirnTestSupport", logging]
        ),
        .target(
            name: "StoreTestSupport",
            dependencies: ["NixFormat", "NixStore", "CacheService", logging],
            path: "Tests/StoreTestSupport"
        ),
        .testTarget(
            name: "CacheServiceTests",
            dependencies: [
                "NixFormat", "Caches", "Compression", "Depot", "NixStore", "Upstream",
                "CacheService",
                "StoreTestSupport", "FirnTestSupport", logging, grdb,
            ]
        ),
        .testTarget(
            name: "CacheServerTests",
            dependencies: [
                "NixFormat", "NixStore", "CacheService", "CacheServer", "StoreTestSupport",
                "FirnTestSupport", logging, product("HTTPTypes", of: "swift-http-types"),
                product("NIOCore", of: "swift-nio"),
            ]
        ),
    ]
)

for target in package.targets where target.type != .system {
    target.swiftSettings = strict + (target.swiftSettings ?? [])
}

func product(_ name: String, of package: String) -> Target.Dependency {
    .product(name: name, package: package)
}
