// SPDX-License-Identifier: Apache-2.0

/// One step of a push: `POST /api/v1/push/CACHE/STEP`.
///
/// - Source: `docs/formats/push.md`.
package enum PushStep: Hashable, Sendable {
    /// Of a ``PushQuestion``; the answer is a ``PushNeeds``.
    case plan
    /// Of a ``PushRoomQuestion``; the answer is a ``PushRoom``.
    case room
    /// Of ``PushBundle`` records; the answer is ``PushResults``.
    case bundle
    /// Of a ``PushBeginning``; the answer is a ``PushUploadReport``.
    case begin
    /// Of bytes of a file, from an offset on; the answer is empty JSON.
    case part(upload: UploadName, offsetBytes: UInt64)
    /// Of a ``PushEnd``; the answer is a ``PushEndReport``.
    case finish
    /// Of nothing; the answer is empty JSON.
    case abort(upload: UploadName)
    /// Of ``PushProofs``; the answer is ``PushResults``.
    case prove
    /// Of narinfos as in a closure; the answer is ``PushCommits``.
    case commit

    /// The most that a body may hold, so that it passes through any proxy.
    package static let maximumBodyBytes = 32 << 20

    /// Reads what follows the cache's name.
    ///
    /// - Returns: `nil` for what is no step.
    init?(words: some Collection<String>) {
        let words = Array(words)
        switch (words.count, words.first) {
        case (1, "plan"): self = .plan
        case (1, "room"): self = .room
        case (1, "bundle"): self = .bundle
        case (1, "begin"): self = .begin
        case (1, "finish"): self = .finish
        case (1, "prove"): self = .prove
        case (1, "commit"): self = .commit
        case (2, "abort"):
            guard let upload = UploadName(parsing: words[1]) else { return nil }
            self = .abort(upload: upload)
        case (3, "parts"):
            guard let upload = UploadName(parsing: words[1]), let offset = UInt64(words[2]),
                "\(offset)" == words[2], offset <= UInt64(Int64.max) / 2
            else { return nil }
            self = .part(upload: upload, offsetBytes: offset)
        default: return nil
        }
    }

    /// What follows the cache's name in the target.
    var text: String {
        switch self {
        case .plan: "plan"
        case .room: "room"
        case .bundle: "bundle"
        case .begin: "begin"
        case .part(let upload, let offset): "parts/\(upload)/\(offset)"
        case .finish: "finish"
        case .abort(let upload): "abort/\(upload)"
        case .prove: "prove"
        case .commit: "commit"
        }
    }
}

/// The name that a server gives an upload.
///
/// - Shape: 32 characters of Nix base-32.
package struct UploadName: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// - Returns: `nil` for text of another shape.
    package init?(parsing text: some StringProtocol) {
        let known = "0123456789abcdfghijklmnpqrsvwxyz"
        guard text.utf8.count == 32, text.allSatisfy({ known.contains($0) }) else { return nil }
        description = String(text)
    }
}

extension UploadName: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let name = UploadName(parsing: text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "no name of an upload"
            )
        }
        self = name
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
