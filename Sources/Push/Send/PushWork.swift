// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore

/// What a push has others do, and how it ends.
///
/// Each piece of work keeps its hands off what ``PushRun`` decides.
struct PushWork: Sendable {
    /// A small NAR that waits to be sent, with its memory.
    struct Packed: Sendable {
        let place: Int
        let small: SmallNAR
        /// Taken from the budget; whoever sends it gives it back.
        let heldBytes: Int
    }

    struct Proven: Sendable {
        let place: Int
        let proof: PushProof
    }

    /// What was done, and how it went.
    enum Step: Sendable {
        case packed(Int, Result<Packed, any Error>)
        case digested(Int, Result<Proven, any Error>)
        case uploaded(Int, Result<StagedPath, any Error>)
        /// A refusal for each that was not taken.
        case bundled([Packed], Result<[String?], any Error>)
        case believed([Proven], Result<[String?], any Error>)
        case committed([Int], Result<[PushCommit], any Error>)
        case pauseEnded(Int)
    }

    let target: any PushTarget
    let packer: Packer
    let retry: Retry
    let onEvent: @Sendable (PushEvent) -> Void

    var upload: PathUpload {
        PathUpload(target: target, packer: packer, retry: retry, onEvent: onEvent)
    }

    func pack(_ place: Int, _ info: PathInfo) async -> Step {
        .packed(
            place,
            await Self.result {
                let cost = Packer.cost(ofSmall: info)
                try await packer.budget.take(cost)
                do {
                    let small = try await packer.packSmall(info)
                    let held = Packer.cost(of: small)
                    packer.budget.giveBack(cost - held)
                    onEvent(.read(info.path, narBytes: Int(info.narSizeBytes)))
                    return Packed(place: place, small: small, heldBytes: held)
                } catch {
                    packer.budget.giveBack(cost)
                    throw error
                }
            }
        )
    }

    func digest(_ place: Int, _ info: PathInfo, _ nonce: [UInt8]) async -> Step {
        .digested(
            place,
            await Self.result {
                let digest = try await packer.digest(of: info, after: nonce) {
                    onEvent(.read(info.path, narBytes: $0))
                }
                let proof = PushProof(info: info, nonce: nonce, digest: digest)
                return Proven(place: place, proof: proof)
            }
        )
    }

    func uploading(_ place: Int, _ info: PathInfo) async -> Step {
        .uploaded(place, await Self.result { try await upload.send(info) })
    }

    func send(_ bundle: [Packed]) async -> Step {
        defer { packer.budget.giveBack(bundle.reduce(0) { $0 + $1.heldBytes }) }
        let counter = SendCounter(path: bundle[0].small.packed.info.path, onEvent: onEvent)
        return .bundled(
            bundle,
            await Self.result {
                try await inPieces(bundle.map(\.small)[...], refusal: { $0 }) { smalls in
                    try await counter.run { try await target.send(smalls, onBytes: $0) }
                }
            }
        )
    }

    func prove(_ proofs: [Proven]) async -> Step {
        .believed(
            proofs,
            await Self.result {
                try await inPieces(proofs.map(\.proof)[...], refusal: { $0 }) {
                    try await target.prove($0)
                }
            }
        )
    }

    func commit(_ places: [Int], _ paths: [StagedPath]) async -> Step {
        .committed(
            places,
            await Self.result {
                try await inPieces(paths[...], refusal: { .refused(reason: $0) }) {
                    try await target.commit($0)
                }
            }
        )
    }

    /// Makes a request, and where it is rejected as a whole finds out what is to blame.
    private func inPieces<Item: Sendable, Answer: Sendable>(
        _ items: ArraySlice<Item>,
        refusal: @Sendable (String) -> Answer,
        _ request: @Sendable ([Item]) async throws -> [Answer]
    ) async throws -> [Answer] {
        do {
            return try await retry.run { try await request(Array(items)) }
        } catch PushTargetError.rejected(let reason) {
            guard items.count > 1 else { return [refusal(reason)] }
            let middle = items.startIndex + items.count / 2
            let first = try await inPieces(items[..<middle], refusal: refusal, request)
            return first + (try await inPieces(items[middle...], refusal: refusal, request))
        }
    }

    private static func result<Value: Sendable>(
        _ body: () async throws -> Value
    ) async -> Result<Value, any Error> {
        do {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }
}
