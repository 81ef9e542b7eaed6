// SPDX-License-Identifier: Apache-2.0
import Depot
import Foundation
import NixFormat
import Testing

extension DepotRule {
    static let narInfos = [
        DepotRule(testDescription: "a commit leaves the narinfo that Nix needs, for good") {
            test in
            for form in NARForm.allCases {
                let sample = try Sample(30, form: form)
                let info = try test.open().put(sample)
                var expected = sample.narInfo
                expected.url = "nar/\(sample.key)"
                expected.compression = form == .zstd ? .zstd : .none
                expected.fileHash = info.fileHash
                expected.fileSizeBytes = info.sizeBytes
                let kept = try #require(try test.open().narInfo(for: sample.key.storeHash))
                #expect(kept.narInfo == expected)
                #expect(kept.object == info)
                let path = test.narInfoPath(of: sample.key)
                let text = try Data(contentsOf: URL(filePath: path))
                #expect(Array(text) == expected.write(in: .standard))
            }
        },
        DepotRule(testDescription: "the newest commit of a path has its narinfo") { test in
            let depot = try test.open()
            let (identity, zstd) = try twoForms(31)
            try depot.put(identity)
            try depot.put(zstd)
            #expect(try depot.narInfo(for: zstd.key.storeHash)?.key == zstd.key)
            #expect(try test.narInfoNames().count == 1)
            #expect(depot.usage().sizeBytes == 3 * 4096)
            // The other one goes without taking it along.
            try depot.remove(identity.key)
            #expect(try depot.narInfo(for: zstd.key.storeHash)?.key == zstd.key)
            try depot.put(identity)
            try depot.remove(identity.key)
            #expect(try depot.narInfo(for: zstd.key.storeHash) == nil)
            #expect(try depot.find(zstd.key) != nil)
            #expect(depot.usage().sizeBytes == 4096)
        },
        DepotRule(testDescription: "an object that is here can be described again") { test in
            let depot = try test.open()
            let (identity, zstd) = try twoForms(32)
            #expect(try depot.describe(zstd.key, by: zstd.narInfo) == nil)
            try depot.put(zstd)
            try depot.put(identity)
            let kept = try depot.describe(zstd.key, by: zstd.narInfo)
            #expect(kept?.key == zstd.key)
            #expect(try depot.narInfo(for: zstd.key.storeHash) == kept)
            #expect(depot.usage().sizeBytes == 3 * 4096)
        },
        DepotRule(testDescription: "a narinfo of another NAR is refused, and the object with it") {
            test in
            let depot = try test.open()
            var sample = try Sample(33)
            sample.narInfo = try Sample(34).narInfo
            #expect { try depot.put(sample) } throws: { error in
                guard case DepotError.describesAnotherNAR(sample.key, _) = error else {
                    return false
                }
                return true
            }
            #expect(try test.occupiedBytes() == 0)
            try depot.put(Sample(33))
        },
        DepotRule(testDescription: "signatures are added, and none is dropped or doubled") { test in
            let sample = try Sample(35)
            let hash = sample.key.storeHash
            let first = try Sample.signature("a-1", 2)
            let second = try Sample.signature("b-1", 3)
            let expected = sample.narInfo.signatures + [first, second]
            do {
                let depot = try test.open()
                #expect(try depot.updateSignatures(of: hash, adding: [first]) == nil)
                try depot.put(sample)
                try depot.updateSignatures(of: hash, adding: [first])
                try depot.updateSignatures(of: hash, adding: [second, first])
                #expect(try depot.narInfo(for: hash)?.narInfo.signatures == expected)
            }
            #expect(try test.open().narInfo(for: hash)?.narInfo.signatures == expected)
        },
        DepotRule(testDescription: "a narinfo that grows takes room, and counts as it is") { test in
            let depot = try test.open(blocks: 7)
            for number in 0..<3 { try depot.put(Sample(number)) }
            let hash = try Sample(2).key.storeHash
            let many = try (0..<80).map { try Sample.signature("key-\($0)", UInt8($0)) }
            try depot.updateSignatures(of: hash, adding: many)
            let size = try test.occupiedBytes()
            #expect(size <= 7 * 4096)
            #expect(depot.usage().sizeBytes == size)
            #expect(depot.usage().pendingSizeBytes == 0)
            #expect(try depot.narInfo(for: hash)?.narInfo.signatures.count == 81)
            #expect(try depot.find(Sample(0).key) == nil)
        },
        DepotRule(testDescription: "a narinfo whose object was taken away is not handed out") {
            test in
            let depot = try test.open()
            let sample = try Sample(36)
            try depot.put(sample)
            try FileManager.default.removeItem(atPath: test.path(of: sample.key))
            #expect(try depot.narInfo(for: sample.key.storeHash) == nil)
            #expect(try test.narInfoNames().isEmpty)
        },
        DepotRule(testDescription: "whatever happens, a narinfo names an object that is there") {
            test in
            let depot = try test.open(blocks: 11) { _ in _ = try test.narInfosByObject() }
            for number in 0..<40 {
                let sample = try Sample(number % 13, blocks: 1 + number % 3)
                if try depot.find(sample.key) == nil { try depot.put(sample) }
                if number % 7 == 0 { try depot.remove(sample.key) }
            }
        },
    ]

    /// The same NAR as it is and compressed.
    private static func twoForms(_ number: Int) throws -> (identity: Sample, zstd: Sample) {
        let identity = try Sample(number, form: .identity)
        return (identity, try identity.compressed())
    }
}
