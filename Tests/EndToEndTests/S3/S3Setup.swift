// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// An object store with an empty bucket.
struct S3Setup: Sendable {
    let stand: ObjectStoreStand
    let bucket: String
    let directory: TemporaryDirectory

    /// As Nix reads from it over HTTP.
    var bucketURL: String { "\(stand.endpoint)/\(bucket)" }

    /// As Nix reads from it over S3.
    var nixURL: String { "s3://\(bucket)?endpoint=\(stand.endpoint)&region=us-east-1" }

    /// Has a Firn keep its depot in the bucket.
    func change(_ setup: inout ServerSetup, prefix: String = "") {
        setup.depotLocation = stand.location(of: bucket, prefix: prefix)
        setup.environment.merge(stand.environment) { $1 }
    }

    static func with(_ body: (S3Setup) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            try await ObjectStoreStand.run(in: directory) { stand in
                let bucket = ObjectStoreStand.bucket
                try await body(S3Setup(stand: stand, bucket: bucket, directory: directory))
            }
        }
    }
}
