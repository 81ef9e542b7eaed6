// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore

/// What a user does not want to be sent.
package struct PushFilter: Hashable, Sendable {
    /// A pattern that is no regular expression.
    package struct BadPattern: Error, Hashable, CustomStringConvertible {
        package let pattern: String
        package let reason: String

        package var description: String {
            "\"\(pattern)\" is not a regular expression: \(reason)"
        }
    }

    /// Sends everything.
    package static let none = PushFilter()

    /// Looked for anywhere in the absolute store path.
    package let patterns: [String]
    /// The largest NAR that is sent, before compression.
    package let maximumNARBytes: UInt64?

    private init() {
        patterns = []
        maximumNARBytes = nil
    }

    /// - Throws: ``BadPattern``.
    package init(
        excluding patterns: [String],
        maximumNARBytes: UInt64? = nil
    ) throws(BadPattern) {
        for pattern in patterns {
            do {
                _ = try Regex(pattern)
            } catch {
                throw BadPattern(pattern: pattern, reason: "\(error)")
            }
        }
        self.patterns = patterns
        self.maximumNARBytes = maximumNARBytes
    }

    /// Why each of the paths that the filter keeps back is not sent.
    func reasons(
        for paths: [PathInfo],
        in directory: StoreDirectory
    ) -> [StorePathHash: PushPlan.Reason] {
        // Each was tried when the filter was made.
        let expressions = patterns.compactMap { pattern in
            (try? Regex(pattern)).map { (pattern, $0) }
        }
        var reasons: [StorePathHash: PushPlan.Reason] = [:]
        for info in paths {
            let text = directory.path(of: info.path)
            if let match = expressions.first(where: { text.contains($0.1) }) {
                reasons[info.path.hash] = .excluded(pattern: match.0)
            } else if let maximumNARBytes, info.narSizeBytes > maximumNARBytes {
                reasons[info.path.hash] = .tooLarge(limitBytes: maximumNARBytes)
            }
        }
        return reasons
    }
}
