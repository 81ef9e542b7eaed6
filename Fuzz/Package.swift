// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// A package of its own, so that instrumented builds stay apart: the parsers are public.
// swift build --package-path Fuzz --sanitize fuzzer
//
// A parser of another room has its file linked beside its target: it is no public library's.

let parsers = [
    "FuzzCacheInfo", "FuzzClosure", "FuzzDelta", "FuzzDeltaOrder", "FuzzKey", "FuzzListing",
    "FuzzNAR", "FuzzNARInfo", "FuzzNARURL", "FuzzName", "FuzzNetrc", "FuzzNetrcText",
    "FuzzNixConf", "FuzzRealisation", "FuzzTierURL",
]

let package = Package(
    name: "firn-fuzz",
    dependencies: [.package(name: "firn", path: "..")],
    targets: parsers.map { parser in
        .executableTarget(
            name: parser,
            dependencies: [.product(name: "NixFormat", package: "firn")],
            swiftSettings: [
                .swiftLanguageMode(.v6), .enableUpcomingFeature("InternalImportsByDefault"),
            ]
        )
    }
)
