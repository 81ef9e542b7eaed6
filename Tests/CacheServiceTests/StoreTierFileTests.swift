// SPDX-License-Identifier: Apache-2.0
import CacheService
import NixFormat
import NixStore
import StoreTestSupport
import Testing

@Suite struct StoreTierFileTests {
    private let store = MemoryStore()
    private let tier: StoreTier
    private let path: StorePath
    private let other: StorePath

    init() throws {
        tier = .over(store)
        path = try .named("tree")
        other = try .named("other")
        store.add(
            path,
            .folder([
                "text": .text("abc"),
                "binary": .file([0, 1, 2]),
                "cut": .text(String(repeating: "a", count: 1023) + "é"),
                "latin": .file([0x61, 0xE9, 0x62]),
                "inner": .folder(["a": .text(""), "Z": .text("")]),
                "to-other": .symlink(Array("/nix/store/\(other)/bin//x/".utf8)),
                "to-itself": .symlink(Array("/nix/store/\(path)/to-itself".utf8)),
                "to-root": .symlink(Array("/nix/store/\(path)".utf8)),
                "to-passwd": .symlink(Array("/etc/passwd".utf8)),
                "to-store": .symlink(Array("/nix/store".utf8)),
                "to-links": .symlink(Array("/nix/store/.links".utf8)),
                "up": .symlink(Array("/nix/store/\(other)/../../../etc/passwd".utf8)),
                "relative": .symlink(Array("../\(other)".utf8)),
                "bytes": .symlink(Array("/nix/store/".utf8) + [0xFF]),
            ])
        )
    }

    private func resolve(_ components: String...) async throws -> FileAnswer? {
        try await tier.resolveFile(path.hash, components.map { Array($0.utf8) })
    }

    @Test func aFileIsSentAsItIs() async throws {
        guard case .file(let file, let looksLikeText, _) = try await resolve("text") else {
            Issue.record("not a file")
            return
        }
        #expect(looksLikeText)
        #expect(try file.read(0..<file.sizeBytes) == Array("abc".utf8))
    }

    @Test(arguments: [("text", true), ("binary", false), ("cut", true), ("latin", false)])
    func textIsToldFromItsStart(_ name: String, _ isText: Bool) async throws {
        guard case .file(_, let looksLikeText, _) = try await resolve(name) else {
            Issue.record("not a file")
            return
        }
        #expect(looksLikeText == isText)
    }

    @Test func aDirectoryIsListedInOrder() async throws {
        guard case .directory(let owner, let entries, _) = try await resolve("inner") else {
            Issue.record("not a directory")
            return
        }
        #expect(owner == path)
        #expect(entries.map { String(decoding: $0.name, as: UTF8.self) } == ["Z", "a"])
    }

    @Test func validatorsTellPlacesApart() async throws {
        var tags: Set<String> = []
        for name in ["text", "binary", "latin"] {
            guard case .file(_, _, let tag) = try await resolve(name) else { continue }
            tags.insert(tag)
        }
        #expect(tags.count == 3)
    }

    @Test func aSymlinkToAServedPathLeadsThere() async throws {
        #expect(try await resolve("to-other") == nil)
        store.add(other, .folder([:]))
        guard case .elsewhere(let target, let components) = try await resolve("to-other") else {
            Issue.record("not followed")
            return
        }
        #expect(target == other)
        #expect(components == [Array("bin".utf8), Array("x".utf8)])
        guard case .elsewhere(path, components: []) = try await resolve("to-root") else {
            Issue.record("an absolute symlink into the path itself was not followed")
            return
        }
    }

    @Test(arguments: [
        "to-passwd", "to-store", "to-links", "to-itself", "up", "relative", "bytes",
    ])
    func anyOtherSymlinkOutFindsNothing(_ name: String) async throws {
        store.add(other, .folder([:]))
        #expect(try await resolve(name) == nil)
    }

    @Test func whatIsNotThereIsAbsent() async throws {
        #expect(try await resolve("missing") == nil)
        #expect(try await resolve("text", "below") == nil)
        #expect(try await tier.resolveFile(other.hash, []) == nil)
    }

    @Test func aBadPathIsNotShown() async throws {
        store.change { $0.badPaths = [path] }
        #expect(try await resolve("text") == nil)
    }

    @Test func aDiskThatFailsIsNotAMiss() async throws {
        store.change { $0.fileFailure = .inputOutput(path: "/x", code: 5) }
        await #expect(throws: CacheError.self) { try await resolve("text") }
    }
}
