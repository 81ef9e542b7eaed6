// SPDX-License-Identifier: Apache-2.0
import CacheService
import Foundation
import NixFormat
import NixStore
import StoreTestSupport
import Testing

@Suite struct StoreTierLogTests {
    private let store = MemoryStore()
    private let tier: StoreTier
    private let drv: StorePath
    private let output: StorePath
    private let text = Array("building\n\u{1B}[31mred\u{1B}[0m\n".utf8)

    init() throws {
        tier = .over(store)
        drv = try .named("hello.drv")
        output = try .named("hello")
        store.add(output, .text("x"), deriver: drv)
    }

    private func keep(_ log: MemoryLog) {
        store.change { $0.logs[drv] = log }
    }

    @Test func aPlainLogIsAFileWithParts() async throws {
        keep(MemoryLog(text))
        let log = try #require(try await tier.resolveLog(drv))
        #expect(log.allowsRanges)
        #expect(try log.content.readToEnd() == text)
    }

    @Test(arguments: ["bzip2", "xz", "zstd"])
    func aCompressedLogIsUnpacked(_ tool: String) async throws {
        let compression: NARCompression =
            switch tool {
            case "bzip2": .bzip2
            case "xz": .xz
            default: .zstd
            }
        let long = Array(repeating: text, count: 20_000).flatMap(\.self)
        keep(MemoryLog(try compressed(long, by: tool), compression))
        let log = try #require(try await tier.resolveLog(drv))
        #expect(!log.allowsRanges)
        #expect(try log.content.readToEnd() == long)
    }

    @Test func anEmptyCompressedLogIsEmpty() async throws {
        keep(MemoryLog(try compressed([], by: "bzip2"), .bzip2))
        let log = try #require(try await tier.resolveLog(drv))
        #expect(try log.content.readToEnd().isEmpty)
    }

    @Test func anUnfinishedLogDoesNotPassForTheWhole() async throws {
        let whole = try compressed(Array(repeating: text, count: 1000).flatMap(\.self), by: "bzip2")
        keep(MemoryLog(Array(whole.dropLast(10)), .bzip2))
        let log = try #require(try await tier.resolveLog(drv))
        #expect(throws: (any Error).self) { try log.content.readToEnd() }
    }

    @Test func aLogIsFoundByWhatWasBuilt() async throws {
        keep(MemoryLog(text))
        let log = try #require(try await tier.resolveLog(output))
        #expect(try log.content.readToEnd() == text)
    }

    @Test func aLogOutlivesItsDerivationAndTheDatabase() async throws {
        keep(MemoryLog(text))
        store.change { contents in
            contents.paths = [:]
            contents.databaseFailure = .databaseUnavailable(path: "/db", reason: "locked")
        }
        #expect(try await tier.resolveLog(drv) != nil)
    }

    @Test func whatHasNoLogIsAbsent() async throws {
        #expect(try await tier.resolveLog(drv) == nil)
        #expect(try await tier.resolveLog(output) == nil)
        #expect(try await tier.resolveLog(.named("nowhere")) == nil)
        let orphan = try StorePath.named("orphan")
        store.add(orphan, .text("x"))
        #expect(try await tier.resolveLog(orphan) == nil)
    }

    @Test func theHashAloneDoesNotNameAPath() async throws {
        keep(MemoryLog(text))
        let other = try StorePath(hash: output.hash, name: "other")
        #expect(try await tier.resolveLog(other) == nil)
    }

    @Test func aDatabaseThatFailsIsNotAMiss() async throws {
        store.change { $0.databaseFailure = .deadlineExceeded }
        await #expect(throws: CacheError.self) { try await tier.resolveLog(output) }
    }

    private func compressed(_ bytes: [UInt8], by tool: String) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [tool, "-c"]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        // The text is larger than a pipe, but what the tools read before they write is larger still.
        try input.fileHandleForWriting.write(contentsOf: bytes)
        try input.fileHandleForWriting.close()
        let packed = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Array(packed)
    }
}
