// SPDX-License-Identifier: Apache-2.0
import Foundation
import Logging
import NixFormat
import Upstream

/// A path with a narinfo that a key of the tests has signed.
struct TestPath: Sendable {
    static let key = Result { try SecretKey.generate(name: "test-1") }

    var info: NARInfo

    /// Each seed makes another path.
    init(
        _ seed: Int = 1,
        url: String = "nar/file.nar",
        fileSizeBytes: UInt64? = nil,
        key: SecretKey? = nil
    ) throws {
        var bytes = [UInt8](repeating: 7, count: 20)
        for position in 0..<8 {
            bytes[position] = UInt8(truncatingIfNeeded: seed >> (position * 8))
        }
        let hash = try StorePathHash(bytes: bytes)
        info = NARInfo(
            storePath: try StorePath(hash: hash, name: "path-\(seed)"),
            url: url,
            compression: .none,
            fileSizeBytes: fileSizeBytes,
            narHash: try NixHash(algorithm: .sha256, digest: Array(repeating: 1, count: 32)),
            narSizeBytes: 120
        )
        let key = try key ?? Self.key.get()
        info.signatures = [key.sign(info.fingerprint(in: .standard))]
    }

    var hash: StorePathHash { info.storePath.hash }
    var target: String { "/\(hash).narinfo" }
    var text: [UInt8] { info.write(in: .standard) }

    /// - Returns: The seed of the path whose narinfo this target asks for.
    static func seed(in target: String) -> Int? {
        guard target.hasSuffix(".narinfo"),
            let hash = try? StorePathHash(parsing: target.dropFirst().prefix(32))
        else { return nil }
        return hash.bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    }
}

/// What the tests' tiers share.
enum TestTier {
    static func client(connect: Duration = .milliseconds(400)) -> UpstreamClient {
        var configuration = UpstreamClientConfiguration(version: "test")
        configuration.connect = connect
        return UpstreamClient(configuration)
    }

    static func make(
        _ urls: [String],
        client: UpstreamClient = TestTier.client(),
        _ change: (inout UpstreamConfiguration) -> Void = { _ in }
    ) throws -> UpstreamTier {
        var configuration = UpstreamConfiguration(
            name: "test",
            urls: try urls.map { try HTTPURL(parsing: $0) },
            trust: .keys([try TestPath.key.get().publicKey]),
            nodeID: "node-1"
        )
        configuration.times.lookUp = .seconds(1)
        change(&configuration)
        return UpstreamTier(configuration, client: client, logger: Logger(label: "test"))
    }

    /// The tier with its loop of probes under way.
    static func running<Value: Sendable>(
        _ tier: UpstreamTier,
        _ body: (UpstreamTier) async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await tier.run() }
            defer { group.cancelAll() }
            return try await body(tier)
        }
    }
}

extension LookUp {
    var failure: UpstreamFailure? {
        guard case .failed(let failure) = self else { return nil }
        return failure
    }

    var isAbsent: Bool {
        guard case .absent = self else { return false }
        return true
    }

    var info: NARInfo? {
        guard case .found(let info) = self else { return nil }
        return info
    }
}
