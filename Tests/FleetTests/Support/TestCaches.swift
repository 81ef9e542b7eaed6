// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import Foundation
import NixFormat

/// Two caches with one closure, and a host that has none of it.
struct TestCaches {
    let shell: LocalShell
    /// Store paths, dependencies first.
    let closure: [String]
    let near: TestCache
    let far: TestCache
    /// What the closure was built from.
    let expression: String

    var top: String { closure.last ?? "" }

    /// A path of the closure that others refer to.
    func link(_ number: Int) -> String {
        closure.first { $0.hasSuffix("-link-\(number)") } ?? ""
    }

    func pull(
        _ caches: [TestCache],
        onProgress: @escaping @Sendable (PullProgress) -> Void = { _ in }
    ) async throws -> PullReport {
        try await pull(tiers: try caches.map { try $0.tier() }, onProgress: onProgress)
    }

    @discardableResult
    func pull(
        tiers: [PullTier],
        onProgress: @escaping @Sendable (PullProgress) -> Void = { _ in }
    ) async throws -> PullReport {
        let output = try StorePath(parsing: top.storeBaseName)
        let request = PullRequest(output, from: tiers, deadline: .seconds(180))
        return try await Pull(on: shell).run(request, onProgress: onProgress)
    }

    /// What the host's own Nix says, and not what was reported.
    func hostHasAll() async throws -> Bool {
        let words = ["nix-store", "--check-validity"] + closure
        let request = RemoteRequest(words, asRoot: true, deadline: .seconds(60))
        return try await shell.run(request).exitCode == 0
    }

    /// Nobody listens on port 1.
    func dead() throws -> PullTier {
        try PullTier(name: "dead", addresses: ["http://127.0.0.1:1"], publicKeys: [near.publicKey])
    }
}

/// A cache in a folder, as any Nix writes one.
struct TestCache {
    let name: String
    let folder: String
    let publicKey: String

    var address: String { "file://\(folder)" }

    func tier() throws -> PullTier {
        try PullTier(name: name, addresses: [address], publicKeys: [publicKey])
    }

    /// - Returns: The narinfo that was there.
    @discardableResult
    func remove(_ storePath: String) throws -> String {
        let text = try String(contentsOfFile: file(storePath), encoding: .utf8)
        try FileManager.default.removeItem(atPath: file(storePath))
        return text
    }

    func put(_ narInfo: String, _ storePath: String) throws {
        try Data(narInfo.utf8).write(to: URL(filePath: file(storePath)))
    }

    func edit(_ storePath: String, _ change: (String) -> String) throws {
        try put(change(try remove(storePath)), storePath)
    }

    private func file(_ storePath: String) -> String { "\(folder)/\(storePath.storeHash).narinfo" }

    static func make(
        _ name: String,
        of top: String,
        in store: TemporaryNixStore,
        _ directory: TemporaryDirectory
    ) async throws -> TestCache {
        let secret = directory.path("\(name).sec")
        let open = directory.path("\(name).pub")
        try await Command(
            "nix-store",
            ["--generate-binary-cache-key", "\(name)-1", secret, open]
        ).run(deadline: .seconds(30)).requireSuccess()
        let folder = directory.path("cache-\(name)")
        let target = "file://\(folder)?secret-key=\(secret)&compression=none"
        try await store.run("nix", ["copy", "--to", target, top])
        let key = try String(contentsOfFile: open, encoding: .utf8)
        return TestCache(
            name: name,
            folder: folder,
            publicKey: key.trimmingCharacters(in: .whitespacesAndNewlines)
        )
    }
}

extension String {
    /// A narinfo as of a cache that does not sign.
    var removingSignatures: String { replacing(/(?m)^Sig: .*\n/, with: "") }

    /// A narinfo whose signature names another key.
    func renamingKey(to name: String) -> String {
        replacing(/(?m)^Sig: [^:]+:/, with: "Sig: \(name):")
    }
}

/// Makes the caches and the host, which are gone when the body is done.
func withCaches(_ body: (TestCaches) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
        try await withNixStore { store in
            let expression = SampleClosure.small.expression
            let top = try await store.build(expression)[0]
            let closure = try await store.closure(of: [top])
            let caches = TestCaches(
                shell: try LocalShell(in: directory),
                closure: closure,
                near: try await .make("near", of: top, in: store, directory),
                far: try await .make("far", of: top, in: store, directory),
                expression: expression
            )
            try await body(caches)
        }
    }
}
