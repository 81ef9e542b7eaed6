// SPDX-License-Identifier: Apache-2.0
import Depot
import FirnTestSupport
import Foundation
import NixFormat
import Testing

/// The depot over a bucket.
@Suite(.objectStore, .enabled(if: ObjectStoreStand.whatIsMissing == nil))
struct S3DepotTests {
    private func keep(_ sample: Sample, in depot: NARDepot) throws {
        let pending = try depot.begin(sample.key)
        try unsafe sample.bytes.withUnsafeBytes { try unsafe pending.write($0) }
        _ = try pending.commit(describedBy: sample.narInfo)
    }

    @Test func aPathIsTwoRequestsToKeepAndAnUnknownOneIsNone() async throws {
        try await TestBucket.with { test in
            let configuration = DepotConfiguration(
                directory: test.folder,
                maximumSizeBytes: 1 << 28
            )
            let store = try test.open()
            let depot = try NARDepot.open(
                configuration,
                objects: store,
                catalog: SQLiteCatalog.open(directory: test.folder, logger: TestDepot.silent),
                localRoom: store.room,
                logger: TestDepot.silent
            )
            let before = store.requestCounts
            let sample = try Sample(1)
            try keep(sample, in: depot)
            let kept = store.requestCounts
            #expect(kept["PUT", default: 0] - before["PUT", default: 0] == 2)
            #expect(kept["GET", default: 0] - before["GET", default: 0] == 0)
            #expect(try depot.narInfo(for: sample.key.storeHash)?.key == sample.key)
            #expect(try depot.narInfo(for: Sample(2).key.storeHash) == nil)
            #expect(try depot.find(Sample(2).key) == nil)
            #expect(store.requestCounts == kept)
        }
    }

    @Test func aLostCatalogIsMadeAgainFromTheBucket() async throws {
        try await TestBucket.with { test in
            let samples = try (0..<12).map { try Sample($0) }
            do {
                let depot = try test.openDepot()
                for sample in samples { try keep(sample, in: depot) }
            }
            try FileManager.default.removeItem(atPath: "\(test.folder)/catalog.sqlite")
            let depot = try test.openDepot()
            #expect(depot.opening.rebuiltObjects == 12)
            for sample in samples {
                #expect(try depot.narInfo(for: sample.key.storeHash)?.key == sample.key)
            }
            let summary = try depot.check(isRepairing: false) { finding in
                #expect(!finding.kind.isDefect, "\(finding)")
            }
            #expect(summary.objects == 12)
        }
    }

    @Test func aSecondDepotIsKeptOutOfAPlaceThatIsTaken() async throws {
        try await TestBucket.with { test in
            _ = try test.openDepot()
            #expect(throws: S3Problem.self) { _ = try test.openDepot(folder: "\(test.folder)-2") }
            _ = try test.openDepot()
        }
    }

    @Test func otherBytesThanWereStoredAreNotPassedOn() async throws {
        try await TestBucket.with { test in
            let sample = try Sample(1, blocks: 3)
            let depot = try test.openDepot()
            try keep(sample, in: depot)
            // Somebody writes another object of the same length, behind the depot's back.
            var other = sample.bytes
            other[5000] ^= 1
            try test.open().put(sample.key, other)
            let next = try {
                let second = try test.open()
                return try second.find(sample.key)
            }()
            #expect(next?.sizeBytes == UInt64(sample.bytes.count))
            let object = try #require(try depot.open(sample.key))
            var buffer = [UInt8](repeating: 0, count: sample.bytes.count)
            #expect(throws: S3Problem.self) {
                try unsafe buffer.withUnsafeMutableBytes { bytes in
                    _ = try unsafe object.read(at: 0, into: bytes)
                }
            }
        }
    }

    @Test func whatIsWrongIsSaidInOneLine() async throws {
        try await TestBucket.with { test in
            func problem(_ change: (inout S3Configuration) throws -> Void) -> S3Problem? {
                do {
                    var configuration = try test.configuration()
                    try change(&configuration)
                    _ = try NARDepot.open(
                        DepotConfiguration(directory: test.folder, maximumSizeBytes: 1 << 28),
                        in: configuration,
                        logger: TestDepot.silent
                    )
                    return nil
                } catch {
                    return error as? S3Problem
                }
            }
            let elsewhere = test.stand.location(of: "no-such-bucket-here")
            #expect(
                problem { $0.location = try S3Location(parsing: elsewhere) } == .noBucket
            )
            let unknown = problem { $0.environment["AWS_ACCESS_KEY_ID"] = "nobody" }
            #expect(unknown == .wrongKey("InvalidAccessKeyId"))
            let wrong = problem { $0.environment["AWS_SECRET_ACCESS_KEY"] = "wrong" }
            #expect(wrong == .wrongKey("SignatureDoesNotMatch"))
            let reader = problem {
                $0.environment["AWS_ACCESS_KEY_ID"] = ObjectStoreStand.readerKey
                $0.environment["AWS_SECRET_ACCESS_KEY"] = ObjectStoreStand.readerSecret
            }
            #expect(reader == .forbidden(operation: "write objects (s3:PutObject)"))
            let none = problem { $0.environment = ["AWS_EC2_METADATA_DISABLED": "true"] }
            guard case .noCredentials = none else {
                Issue.record("\(String(describing: none))")
                return
            }
        }
    }
}
