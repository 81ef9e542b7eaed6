// SPDX-License-Identifier: Apache-2.0
import Depot
import Foundation
import Logging
import NixFormat
import Testing

/// A directory for a depot, and objects to put there.
struct TestDepot: Sendable {
    let directory: String
    var catalog = CatalogLocation.sqlite

    /// Runs a test in a directory of its own, which is removed afterwards.
    static func withDirectory(_ body: (TestDepot) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory
            .appending(path: "firn-depot-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(TestDepot(directory: path))
    }

    func open(
        blocks: UInt64 = 1024,
        onStep: @escaping @Sendable (DepotStep) throws -> Void = { _ in }
    ) throws -> NARDepot {
        try NARDepot.open(configuration(blocks: blocks), logger: Self.silent, onStep: onStep)
    }

    func configuration(blocks: UInt64) -> DepotConfiguration {
        var configuration = DepotConfiguration(
            directory: directory,
            maximumSizeBytes: blocks * 4096
        )
        configuration.catalog = catalog
        return configuration
    }

    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// The names in one of the depot's directories.
    func names(in subdirectory: String) throws -> Set<String> {
        Set(try FileManager.default.contentsOfDirectory(atPath: "\(directory)/\(subdirectory)"))
    }

    func path(of key: ObjectKey) -> String { "\(directory)/nar/\(key)" }

    func narInfoPath(of key: ObjectKey) -> String { "\(directory)/\(key.storeHash).narinfo" }

    /// The names of the narinfos.
    func narInfoNames() throws -> Set<String> {
        try names(in: ".").filter { $0.hasSuffix(".narinfo") }
    }

    /// Narinfos by the objects that they name, each of which has to be there.
    func narInfosByObject() throws -> [String: NARInfo] {
        var result: [String: NARInfo] = [:]
        for name in try narInfoNames() {
            let bytes = try Data(contentsOf: URL(filePath: "\(directory)/\(name)"))
            let narInfo = try NARInfo(parsing: Array(bytes), storeDirectory: .standard)
            #expect("\(narInfo.storePath.hash).narinfo" == name)
            let path = "\(directory)/\(narInfo.url)"
            #expect(FileManager.default.fileExists(atPath: path), "\(name) names nothing")
            result[String(narInfo.url.dropFirst(4))] = narInfo
        }
        return result
    }

    /// What the files take on the disk now, in whole blocks.
    func occupiedBytes() throws -> UInt64 {
        var sum: UInt64 = 0
        for subdirectory in [".", "nar", "unfinished"] {
            for name in try names(in: subdirectory)
            where subdirectory != "." || name.hasSuffix(".narinfo") {
                let path = "\(directory)/\(subdirectory)/\(name)"
                let attributes = try FileManager.default.attributesOfItem(atPath: path)
                let size = try #require(attributes[.size] as? UInt64)
                sum += (size + 4095) / 4096 * 4096
            }
        }
        return sum
    }

    /// Opens the depot and holds it against the files: nothing may be left over or missing.
    ///
    /// - Returns: The keys of what is kept.
    @discardableResult
    func verifyAtRest(blocks: UInt64 = 1024) throws -> Set<ObjectKey> {
        let depot = try open(blocks: blocks)
        let keys = try depot.list(limit: .max)
        #expect(try names(in: "unfinished").isEmpty)
        #expect(try names(in: "nar") == Set(keys.map { "\($0)" }))
        for key in keys {
            let bytes = try Data(contentsOf: URL(filePath: path(of: key)))
            let info = try #require(try depot.find(key))
            #expect(info.sizeBytes == UInt64(bytes.count))
            #expect(info.fileHash == SHA256Hasher.hash(Array(bytes)))
        }
        for (name, narInfo) in try narInfosByObject() {
            let kept = try #require(try depot.narInfo(for: narInfo.storePath.hash))
            #expect(kept.narInfo == narInfo)
            #expect("\(kept.key)" == name)
        }
        let summary = try depot.check(isRepairing: false) { finding in
            #expect(!finding.kind.isDefect, "\(finding)")
        }
        #expect(summary.objects == keys.count)
        let usage = depot.usage()
        #expect(usage.objects == keys.count)
        #expect(usage.pendingSizeBytes == 0)
        #expect(try usage.sizeBytes == occupiedBytes())
        #expect(usage.sizeBytes <= usage.maximumSizeBytes)
        return Set(keys)
    }
}

/// An object for tests: its bytes follow from its number.
///
/// With its narinfo, which takes one block, it takes a block more than it has.
struct Sample {
    private(set) var key: ObjectKey
    let bytes: [UInt8]
    var narInfo: NARInfo

    init(_ number: Int, blocks: Int = 1, form: NARForm = .zstd) throws {
        // Not quite whole blocks, so that rounding is seen.
        try self.init(number, sizeBytes: blocks * 4096 - 5, form: form)
    }

    init(_ number: Int, sizeBytes: Int, form: NARForm = .zstd) throws {
        let byte = UInt8(truncatingIfNeeded: number)
        bytes = (0..<sizeBytes).map { byte &+ UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
        let storeHash = SHA256Hasher.hash(Array("\(number)".utf8)).digest.prefix(20)
        // The hash in the name is that of the NAR: only in identity form is that of the bytes.
        key = try ObjectKey(
            storeHash: StorePathHash(bytes: Array(storeHash)),
            narHash: form == .identity
                ? SHA256Hasher.hash(bytes) : SHA256Hasher.hash(Array("nar \(number)".utf8)),
            form: form
        )
        narInfo = NARInfo(
            storePath: try StorePath(hash: key.storeHash, name: "sample-\(number)"),
            url: "to be filled in",
            compression: .xz,
            narHash: key.narHash,
            narSizeBytes: form == .identity ? UInt64(sizeBytes) : UInt64(number) + 1,
            references: [try StorePath(hash: key.storeHash, name: "sample-\(number)")],
            signatures: [try Self.signature("upstream-1", 1)]
        )
    }

    /// Another object of the same NAR.
    func compressed() throws -> Sample {
        var other = self
        other.key = try ObjectKey(storeHash: key.storeHash, narHash: key.narHash, form: .zstd)
        return other
    }

    static func signature(_ keyName: String, _ byte: UInt8) throws -> Signature {
        try Signature(keyName: keyName, bytes: [UInt8](repeating: byte, count: 64))
    }
}

extension NARDepot {
    @discardableResult
    func put(_ sample: Sample) throws -> ObjectInfo {
        let pending = try begin(sample.key)
        try pending.write(sample.bytes)
        return try pending.commit(describedBy: sample.narInfo)
    }

    /// The contents of an object; `nil` when it is not here.
    func contents(of key: ObjectKey) throws -> [UInt8]? {
        try open(key)?.contents()
    }
}

extension PendingObject {
    func write(_ bytes: [UInt8]) throws {
        try unsafe bytes.withUnsafeBytes { try unsafe write($0) }
    }
}

extension Spool {
    func append(_ bytes: [UInt8]) throws {
        try unsafe bytes.withUnsafeBytes { try unsafe append($0) }
    }

    func contents(from offset: Int = 0, count: Int = .max) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: min(count, Int(sizeBytes) + 10))
        let got = try unsafe buffer.withUnsafeMutableBytes { bytes in
            try unsafe read(at: UInt64(offset), into: bytes)
        }
        return Array(buffer.prefix(got))
    }
}

extension OpenObject {
    func contents(from offset: Int = 0, count: Int = .max) throws -> [UInt8] {
        let room = min(count, Int(info.sizeBytes) + 10)
        var buffer = [UInt8](repeating: 0, count: room)
        let got = try unsafe buffer.withUnsafeMutableBytes { bytes in
            try unsafe read(at: UInt64(offset), into: bytes)
        }
        return Array(buffer.prefix(got))
    }
}

extension DepotStep {
    /// Those that paths of caches pass.
    static let ofMembers: [DepotStep] = [
        .memberRecorded, .memberPresent, .memberDepartureRecorded, .memberNARInfosRemoved,
    ]
    static let ofObjects = allCases.filter { !ofMembers.contains($0) }
}
