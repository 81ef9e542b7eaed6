// SPDX-License-Identifier: Apache-2.0
import Depot
import FirnTestSupport
import Foundation
import NixFormat
import Testing

/// Runs an object store once for all tests of a suite.
struct ObjectStoreStandTrait: SuiteTrait, TestScoping {
    @concurrent func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        guard ObjectStoreStand.whatIsMissing == nil else { return try await function() }
        try await withTemporaryDirectory { directory in
            try await ObjectStoreStand.run(in: directory) { stand in
                try await ObjectStoreStand.$current.withValue(stand) { try await function() }
            }
        }
    }
}

extension Trait where Self == ObjectStoreStandTrait {
    /// The suite's tests find it in ``ObjectStoreStand/current``.
    static var objectStore: Self { Self() }
}

/// A place in a bucket for one test, and folders of this machine for whoever uses it.
struct TestBucket: Sendable {
    let stand: ObjectStoreStand
    let bucket: String
    let folder: String
    let prefix: String

    /// Does blocking work with a place of its own, on a thread of its own.
    static func with(_ body: @escaping @Sendable (TestBucket) throws -> Void) async throws {
        let stand = try #require(ObjectStoreStand.current)
        try await withTemporaryDirectory { directory in
            let test = TestBucket(
                stand: stand,
                bucket: ObjectStoreStand.bucket,
                folder: directory.path("local"),
                prefix: "test/\(UInt64.random(in: 0 ... .max))"
            )
            try await onOwnThread { try body(test) }
        }
    }

    func configuration(
        environment: [String: String]? = nil,
        partBytes: UInt64 = 5 << 20,
        localBytes: UInt64 = 1 << 30
    ) throws -> S3Configuration {
        let text = stand.location(of: bucket, prefix: prefix)
        var configuration = S3Configuration(
            location: try S3Location(parsing: text),
            environment: environment ?? stand.environment,
            localBytes: localBytes
        )
        configuration.partBytes = partBytes
        return configuration
    }

    func open(partBytes: UInt64 = 5 << 20, localBytes: UInt64 = 1 << 30) throws -> S3ObjectStore {
        try S3ObjectStore(
            configuration(partBytes: partBytes, localBytes: localBytes),
            folder: folder,
            logger: TestDepot.silent
        )
    }

    func openDepot(blocks: UInt64 = 65_536, folder: String? = nil) throws -> NARDepot {
        try NARDepot.open(
            DepotConfiguration(directory: folder ?? self.folder, maximumSizeBytes: blocks * 4096),
            in: configuration(),
            logger: TestDepot.silent
        )
    }
}
