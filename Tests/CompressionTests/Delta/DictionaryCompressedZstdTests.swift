// SPDX-License-Identifier: Apache-2.0
import Compression
import Foundation
import NixFormat
import Testing

@Suite struct DictionaryCompressedZstdTests {
    private let dictionary = SampleBytes.make(count: 3_000_000, seed: 1)

    /// As after a rebuild: the same but for some hashes.
    private var contents: [UInt8] {
        var contents = dictionary
        for place in stride(from: 5_000, to: contents.count, by: 300_000) {
            contents.replaceSubrange(place..<place + 32, with: SampleBytes.make(count: 32, seed: 9))
        }
        return contents
    }

    private var hash: NixHash { SHA256Hasher.hash(dictionary) }

    private func encoded() throws -> [UInt8] {
        try encoded(contents, .quick)
    }

    private func encoded(
        _ contents: [UInt8],
        _ effort: PrefixCompressor.Effort
    ) throws -> [UInt8] {
        try DictionaryCompressedZstd.encode(
            contents,
            dictionary: dictionary,
            hash: hash,
            with: PrefixCompressor(effort)
        )
    }

    private func decode(
        _ body: [UInt8],
        dictionary other: [UInt8]? = nil,
        contentBytes: Int = 3_000_000
    ) throws(DeltaError) -> [UInt8] {
        try DictionaryCompressedZstd.decode(
            body,
            dictionary: other ?? dictionary,
            hash: hash,
            contentBytes: contentBytes
        )
    }

    @Test func whatIsPackedIsUnpackedAndSmall() throws {
        let body = try encoded()
        #expect(try decode(body) == contents)
        #expect(body.count < contents.count / 1000)
    }

    /// Text whose words are those of the dictionary in another order.
    @Test func moreEffortMakesItSmaller() throws {
        let words = stride(from: 0, to: dictionary.count, by: 24).map {
            dictionary[$0..<min($0 + 24, dictionary.count)]
        }
        let other = words.indices.prefix(20_000).flatMap { words[$0 * 7_919 % words.count] }
        let (quick, thorough) = (try encoded(other, .quick), try encoded(other, .thorough))
        #expect(thorough.count < quick.count)
        for body in [quick, thorough] {
            #expect(try decode(body, contentBytes: other.count) == other)
        }
    }

    @Test func beginsAsTheStandardSays() throws {
        let body = try encoded()
        #expect(body.prefix(8) == [0x5E, 0x2A, 0x4D, 0x18, 0x20, 0, 0, 0])
        #expect(Array(body[8..<40]) == hash.digest)
    }

    /// RFC 9842 lets a decoder refuse windows above the bound: ours are as large as the contents.
    @Test(arguments: [(0, 8 << 20), (8 << 20, 10 << 20), (1 << 30, 128 << 20)])
    func contentsStayBelowTheWindowThatEveryDecoderHas(_ dictionaryBytes: Int, _ bound: Int) {
        let limit = DictionaryCompressedZstd.maximumContentBytes(dictionaryBytes: dictionaryBytes)
        #expect(limit == bound)
    }

    @Test func theCommandZstdUnpacksWhatIsMade() throws {
        let path = try write(dictionary)
        defer { try? FileManager.default.removeItem(atPath: path) }
        // The head is a skippable frame, which the command passes over.
        let body = try encoded()
        let frame = Array(body.dropFirst(DictionaryCompressedZstd.headBytes))
        for options in [["--patch-from=\(path)"], ["-D", path]] {
            let arguments = ["zstd", "-dcq", "--long=27"] + options
            #expect(try RealCommand.output(arguments, input: frame) == contents)
        }
    }

    @Test(arguments: ["1", "3", "19"])
    func whatTheCommandZstdMakesIsUnpacked(_ level: String) throws {
        let path = try write(dictionary)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let source = try write(contents)
        defer { try? FileManager.default.removeItem(atPath: source) }
        let arguments = ["zstd", "-cq", "-\(level)", "--patch-from=\(path)", source]
        let frame = try RealCommand.output(arguments, input: [])
        let head = try encoded().prefix(DictionaryCompressedZstd.headBytes)
        #expect(try decode(head + frame) == contents)
    }

    @Test func whatIsWrongIsRefusedInItsOwnWords() throws {
        let body = try encoded()
        var other = dictionary
        other[70_000] ^= 1
        #expect(throws: DeltaError.damaged) { try decode(body, dictionary: other) }
        #expect(throws: DeltaError.notADelta) { try decode([0x28] + body.dropFirst()) }
        #expect(throws: DeltaError.truncated(byteOffset: 40)) { try decode(Array(body.prefix(40))) }
        #expect(throws: DeltaError.damaged) { try decode(body.dropLast()) }
        #expect(throws: DeltaError.damaged) { try decode(body, contentBytes: 2_999_999) }
        #expect(throws: DeltaError.damaged) { try decode(body, contentBytes: 3_000_001) }
        var named = body
        named[20] ^= 1
        #expect(throws: DeltaError.wrongDictionary) { try decode(named) }
    }

    /// It says a gigabyte of zeros in a few bytes: no more is made than has to come out.
    @Test func aBombIsRefusedWithoutBeingUnpacked() throws {
        let zeros = [UInt8](repeating: 0, count: 64 << 20)
        let body = try encoded(zeros, .quick)
        #expect(body.count < 20_000)
        #expect(throws: DeltaError.damaged) { try decode(body, contentBytes: 1000) }
    }

    private func write(_ bytes: [UInt8]) throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try Data(bytes).write(to: file)
        return file.path()
    }
}
