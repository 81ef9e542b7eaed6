// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
package import Logging

/// Where in S3 the objects of a depot are, and how they are got at.
package struct S3Configuration: Sendable {
    package var location: S3Location
    /// A file in the form of AWS's shared credentials; `nil` for the usual places.
    package var credentialsFile: String?
    /// PEM, of the authorities that certificates are checked by; `nil` for the system's.
    package var authorityFile: String?
    /// The variables that credentials are looked for in.
    package var environment: [String: String]
    /// What may lie on this machine on its way.
    package var localBytes: UInt64
    /// Of the first parts of a large object, 5 MiB at least.
    package var partBytes: UInt64 = 16 << 20

    package init(
        location: S3Location,
        credentialsFile: String? = nil,
        authorityFile: String? = nil,
        environment: [String: String],
        localBytes: UInt64
    ) {
        self.location = location
        self.credentialsFile = credentialsFile
        self.authorityFile = authorityFile
        self.environment = environment
        self.localBytes = localBytes
    }
}

extension S3ObjectStore {
    /// Objects in a bucket.
    ///
    /// - Parameters:
    ///   - configuration: Where, and how.
    ///   - folder: For what lies on this machine; made when missing.
    ///   - logger: Told of requests that are repeated.
    /// - Throws: The failure of the folder; nothing is asked of the bucket.
    package convenience init(
        _ configuration: S3Configuration,
        folder: String,
        logger: Logger
    ) throws {
        try self.init(
            client: S3Client(configuration, logger: logger),
            folder: folder,
            room: LocalRoom(maximumBytes: configuration.localBytes),
            partBytes: configuration.partBytes
        )
    }
}

extension S3Client {
    convenience init(_ configuration: S3Configuration, logger: Logger) {
        let exchange = S3HTTPExchange(authorityFile: configuration.authorityFile)
        self.init(
            configuration.location,
            credentials: S3CredentialSource(
                environment: configuration.environment,
                file: configuration.credentialsFile,
                profile: configuration.location.profile,
                region: configuration.location.region,
                exchange: exchange
            ),
            exchange: exchange,
            logger: logger
        )
    }
}

extension NARDepot {
    /// Opens a depot whose objects lie in a bucket; what is under way, and a catalog in SQLite, lie in
    /// a folder of this machine.
    ///
    /// - Parameters:
    ///   - configuration: Its directory is that folder.
    ///   - s3: Where the objects are.
    ///   - logger: Told of repairs, evictions and requests that are repeated.
    /// - Returns: The depot, which keeps others of this machine out for as long as it is referenced.
    /// - Throws: As for a directory; ``S3Problem`` where the bucket cannot be used.
    package static func open(
        _ configuration: DepotConfiguration,
        in s3: S3Configuration,
        logger: Logger
    ) throws -> NARDepot {
        let directory = configuration.directory
        let lock = try DirectoryLock(directory: try Folder(directory).path)
        let store = try S3ObjectStore(s3, folder: directory, logger: logger)
        // Whether it may be listed tells a missing object from a forbidden one.
        _ = try store.client.list("nar/", isDeep: false)
        try checkStore(store.read(.cacheInfo), configuration)
        try S3Ownership.claim(store.client, folder: directory)
        try store.client.checkWriting()
        let catalog = try configuration.catalog.open(directory: directory, logger: logger) {
            "\(s3.location) at \(s3.location.endpoint)"
        }
        return try open(
            configuration,
            objects: store,
            catalog: catalog,
            owner: lock,
            localRoom: store.room,
            logger: logger
        )
    }

    /// What can be told of such a depot without the network.
    ///
    /// - Throws: What opening it would refuse.
    package static func look(_ configuration: DepotConfiguration, in s3: S3Configuration) throws {
        try configuration.catalog.look()
        let exchange = S3HTTPExchange(authorityFile: nil)
        try S3CredentialSource(
            environment: s3.environment,
            file: s3.credentialsFile,
            profile: s3.location.profile,
            region: s3.location.region,
            exchange: exchange
        ).look()
        guard configuration.catalog == .sqlite, unsafe access(configuration.directory, F_OK) == 0
        else { return }
        guard let bytes = try catalogBytes(configuration.directory),
            bytes > configuration.maximumSizeBytes
        else { return }
        throw DepotError.holdsMoreThanMaximum(
            storedBytes: bytes,
            maximumSizeBytes: configuration.maximumSizeBytes
        )
    }
}

extension S3Client {
    /// Whether objects can be stored and removed: told at the start rather than by the first path.
    fileprivate func checkWriting() throws {
        let name = "unfinished/start.\(UUID().uuidString)"
        try put(name, .bytes([]))
        try delete(name)
    }
}
