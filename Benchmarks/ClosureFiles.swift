// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// The NARs of a closure as plain files, in both forms, made by Nix and by zstd.
struct ClosureFiles {
    /// One path of the closure.
    struct Path {
        let storePath: String
        /// As in a URL, without `sha256:`.
        let narHash: String
        let narSizeBytes: Int
        let zstdSizeBytes: Int

        func fileName(_ form: Form) -> String { "\(storePath.storeHash)-\(narHash)\(form.suffix)" }

        func sizeBytes(_ form: Form) -> Int { form == .identity ? narSizeBytes : zstdSizeBytes }
    }

    /// The two forms of a NAR.
    enum Form: String, CaseIterable {
        case identity
        case zstd

        var suffix: String { self == .identity ? ".nar" : ".nar.zst" }
    }

    let source: ClosureSource
    let paths: [Path]

    /// The folder with the files.
    var folder: String { "\(source.cache)/nar" }

    var largest: Path? { paths.max { $0.narSizeBytes < $1.narSizeBytes } }

    func sizeBytes(_ form: Form) -> Int { paths.reduce(0) { $0 + $1.sizeBytes(form) } }

    var summary: String {
        let plain = sizeBytes(.identity) / 1_000_000
        let packed = sizeBytes(.zstd) / 1_000_000
        return "closure: \(paths.count) paths, \(plain) MB of NARs, \(packed) MB with zstd -3"
    }

    /// Writes the files that are not there yet.
    static func prepare(_ source: ClosureSource) async throws -> ClosureFiles {
        let files = try await source.store.closure(of: [source.top])
        let folder = "\(source.cache)/nar"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        progress("writing \(files.count) NARs as files into \(folder)")
        let hashes = try await source.store.run("nix-store", ["--query", "--hash"] + files).lines
        let sizes = try await source.store.run("nix-store", ["--query", "--size"] + files).lines
        var paths: [Path] = []
        for ((storePath, hash), size) in zip(zip(files, hashes), sizes) {
            let narHash = hash.replacing("sha256:", with: "")
            let plain = "\(folder)/\(storePath.storeHash)-\(narHash).nar"
            let location = source.store.location(of: storePath)
            try await write(plain, "nix-store --dump \"$1\" >\"$0\"", location)
            try await write("\(plain).zst", "zstd -q -3 -c \"$1\" >\"$0\"", plain)
            paths.append(
                Path(
                    storePath: storePath,
                    narHash: narHash,
                    narSizeBytes: Int(size) ?? 0,
                    zstdSizeBytes: try sizeBytes(of: "\(plain).zst")
                )
            )
        }
        return ClosureFiles(source: source, paths: paths)
    }

    private static func write(_ file: String, _ script: String, _ argument: String) async throws {
        guard !FileManager.default.fileExists(atPath: file) else { return }
        let whole = "\(script); mv \"$0\" \"$2\""
        let command = Command("/bin/sh", ["-euc", whole, "\(file).part", argument, file])
        try await command.run(deadline: .seconds(600)).requireSuccess()
    }

    private static func sizeBytes(of file: String) throws -> Int {
        try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int ?? 0
    }
}
