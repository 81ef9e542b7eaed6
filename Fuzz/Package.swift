// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// A package of its own, so that instrumented builds stay apart: the parsers are public.
// swift build --package-path Fuzz --sanitize fuzzer

let parsers = [
    "FuzzCacheInfo", "FuzzClosure", "FuzzKey", "FuzzListing", "FuzzNAR", "FuzzNARInfo", "FuzzName",
    "FuzzRealisation",
]

let package = Package(
    name: "firn-fuzz",
    dependencies: [.package(name: "firn", path: "..")],
    targets: parsers.map { parser in
        .executableTarget(
            name: parser,
            dependencies: [.product(name: "NixFormat", package: "firn")],
            swiftSettings: [.swiftLanguageMode(.v6)]
        )
    }
)
