// SPDX-License-Identifier: Apache-2.0
import Caches
import Depot
import Foundation
import NixFormat
import Testing

/// Uploads that go on, over a real folder.
@Suite struct PartialUploadTests {
    private let id = PartialID(of: "token cache path")

    @Test func goesOnInTheNextLifeAndCountsMeanwhile() throws {
        try TestDepot.withDirectory { test in
            do {
                let depot = try test.open(blocks: 8)
                try depot.write([1, 2, 3], at: 10_000, of: depot.partialUpload(id))
                #expect(depot.usage().pendingSizeBytes == 3 * 4096)
            }
            let depot = try test.open(blocks: 8)
            #expect(depot.usage().pendingSizeBytes == 3 * 4096)
            #expect(depot.listPartialUploads().map(\.id) == [id])
            let upload = depot.partialUpload(id)
            #expect(try upload.have() == [10_000..<10_003])
            try depot.write([4], at: 10_003, of: upload)
            #expect(try upload.have() == [10_000..<10_004])
            upload.discard()
            #expect(depot.usage().pendingSizeBytes == 0)
            #expect(try test.names(in: "uploads").isEmpty)
            #expect(throws: PartialGone.self) { try depot.write([5], at: 0, of: upload) }
            #expect(try depot.partialUpload(id).have().isEmpty)
        }
    }

    @Test func whatDoesNotFitIsRefusedAndWhatIsThereStays() throws {
        try TestDepot.withDirectory { test in
            let depot = try test.open(blocks: 4)
            let upload = depot.partialUpload(id)
            try depot.write([1], at: 0, of: upload)
            #expect(throws: DepotError.self) { try depot.write([1], at: 5 * 4096, of: upload) }
            #expect(try upload.have() == [0..<1])
            #expect(depot.usage().pendingSizeBytes == 4096)
        }
    }

    @Test func whatIsOverdueGoesAtTheNextStart() throws {
        try TestDepot.withDirectory { test in
            do {
                let depot = try test.open()
                try depot.write([1], at: 0, of: depot.partialUpload(id))
            }
            let old = Date().addingTimeInterval(-90_000)
            try FileManager.default.setAttributes(
                [.modificationDate: old],
                ofItemAtPath: "\(test.directory)/uploads/\(id)"
            )
            let depot = try test.open()
            #expect(depot.listPartialUploads().isEmpty)
            #expect(depot.usage().pendingSizeBytes == 0)
            #expect(try test.names(in: "uploads").isEmpty)
        }
    }

    @Test func onlyASealedOneBecomesAnObject() throws {
        try TestDepot.withDirectory { test in
            let depot = try test.open()
            let sample = try Sample(1, blocks: 3)
            let upload = depot.partialUpload(id)
            try depot.write(sample.bytes, at: 0, of: upload)
            #expect(upload.takeOver() == nil)
            upload.seal(
                sizeBytes: UInt64(sample.bytes.count),
                fileHash: SHA256Hasher.hash(sample.bytes)
            )
            #expect(throws: PartialGone.self) { try depot.write([1], at: 90_000, of: upload) }
            let made = NamedCache(
                name: try .named("team"),
                settings: .init(),
                publicKey: try SecretKey.generate(name: "key-1").publicKey,
                createdAt: 1
            )
            _ = try depot.create(made)
            let arrival = MemberArrival(sample.narInfo, requiring: [], from: upload)
            guard case .added = try depot.add([arrival], to: .named("team"), form: .zstd)[0] else {
                Issue.record("not added")
                return
            }
            let object = try #require(try depot.openMember(sample.key, in: .named("team")))
            #expect(try object.contents() == sample.bytes)
            #expect(try test.names(in: "uploads").isEmpty)
            #expect(depot.listPartialUploads().isEmpty)
            #expect(depot.usage().pendingSizeBytes == 0)
        }
    }
}

extension NARDepot {
    fileprivate func write(_ bytes: [UInt8], at offset: UInt64, of upload: PartialUpload) throws {
        try unsafe bytes.withUnsafeBytes { try unsafe write($0, at: offset, of: upload) }
    }
}
