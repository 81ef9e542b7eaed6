// SPDX-License-Identifier: Apache-2.0
package import FirnAPI
import NIOHTTP1
package import NixFormat
import Synchronization

/// A NAR that this machine has, and that another one may be made of.
package struct NARBase: Hashable, Sendable {
    package let storeHash: StorePathHash
    package let narHash: NixHash

    package init(storeHash: StorePathHash, narHash: NixHash) {
        self.storeHash = storeHash
        self.narHash = narHash
    }
}

/// A NAR on its way, in the coding that the tier has chosen.
package struct CodedNARStream: Sendable {
    package enum Coding: String, CaseIterable, Sendable {
        case identity
        case zstd
        case dcz
        case segmented = "firn-delta"
    }

    package let coding: Coding
    package let stream: any NARByteStream

    package init(coding: Coding, stream: any NARByteStream) {
        self.coding = coding
        self.stream = stream
    }
}

extension UpstreamTier {
    package var servesDeltas: Bool { state.withLock { $0.health.servesDeltas } }

    package var linkBytesPerSecond: Double? { link.bytesPerSecond }

    package func openNAR(
        _ narInfo: NARInfo,
        madeOf bases: [NARBase],
        at pace: UInt64?
    ) async throws(UpstreamFailure) -> CodedNARStream {
        let deadline = Instant.now + configuration.times.narFirstByte
        let fields = Self.fields(offering: bases) + Self.fields(of: pace)
        let hash = narInfo.narHash.digestText(.nix32)
        let result = await attempt(until: deadline) {
            addressee throws(ExchangeFailure) -> CodedNARStream? in
            var question = Question(purpose: .transfer, limit: deadline)
            question.fields = fields
            let answer = try await ask(
                "nar/\(narInfo.storePath.hash)-\(hash).nar",
                at: addressee,
                question
            )
            return try coded(answer)
        }
        switch result {
        case .success(let stream?): return stream
        case .success(nil): throw .narMissing
        case .failure(let failure): throw failure
        }
    }

    package func openDeltas(
        _ order: DeltaOrder,
        at pace: UInt64?
    ) async throws(UpstreamFailure) -> any NARByteStream {
        let deadline = Instant.now + configuration.times.narFirstByte
        let result = await attempt(until: deadline) {
            addressee throws(ExchangeFailure) -> UpstreamNARStream in
            var question = Question(purpose: .transfer, limit: deadline)
            question.body = order.write()
            question.fields = [("Content-Type", DeltaOrder.contentType)] + Self.fields(of: pace)
            let path = String(FirnRoute.deltas.path.dropFirst())
            let answer = try await ask(path, at: addressee, question)
            let type = answer.head.headers.first(name: "Content-Type")
            guard answer.status == 200, type == DeltaOrder.answerType, !answer.isEncoded else {
                answer.body.discard()
                throw .malformed("no deltas, but status \(answer.status)")
            }
            return UpstreamNARStream(
                answer.body,
                NAROpening(sizeBytes: answer.lengthBytes),
                expectedBytes: answer.lengthBytes,
                stall: configuration.times.narStall
            ) { [self] in note($0) }
        }
        return try result.get()
    }

    private static func fields(offering bases: [NARBase]) -> [(name: String, value: String)] {
        var fields = [("Accept-Encoding", "dcz, firn-delta, zstd")]
        if let first = bases.first {
            fields.append(("Available-Dictionary", ":\(Base64.encode(first.narHash.digest)):"))
        }
        let names = bases.map { "\($0.storeHash)-\($0.narHash.digestText(.nix32))" }
        fields.append(("X-Firn-Bases", names.joined(separator: ", ")))
        return fields
    }

    private static func fields(of pace: UInt64?) -> [(name: String, value: String)] {
        pace.map { [("X-Firn-Pace", "\($0)")] } ?? []
    }

    /// - Returns: `nil` when there is no such NAR.
    private func coded(_ answer: UpstreamAnswer) throws(ExchangeFailure) -> CodedNARStream? {
        guard answer.status == 200 else {
            if let failure = failure(of: answer) {
                answer.body.cancel()
                throw failure
            }
            answer.body.discard()
            return nil
        }
        let names = answer.head.headers[canonicalForm: "Content-Encoding"].map { $0.lowercased() }
        guard names.count <= 1,
            let coding = CodedNARStream.Coding(rawValue: names.first ?? "identity")
        else {
            answer.body.cancel()
            throw .malformed("a NAR with Content-Encoding \(names.joined(separator: ", "))")
        }
        let isDelta = coding == .dcz || coding == .segmented
        let stream = UpstreamNARStream(
            answer.body,
            NAROpening(sizeBytes: answer.lengthBytes),
            expectedBytes: answer.lengthBytes,
            stall: configuration.times.narStall,
            // How long a delta takes to come says nothing of the network.
            meter: isDelta ? nil : link
        ) { [self] in note($0) }
        return CodedNARStream(coding: coding, stream: stream)
    }
}
