// SPDX-License-Identifier: Apache-2.0
import FirnAPI
package import NixFormat
import Push

/// How long a pin keeps what it is on.
package enum PinKeeping: Hashable, Sendable {
    /// As the cache has it: for ever, unless it was told otherwise.
    case unsaid
    case days(Int)
    /// So many of the pin's latest paths.
    case revisions(Int)
    case forever
}

extension CachixTarget {
    /// Keeps a path of the cache, with what it needs, from being collected.
    ///
    /// A pin of the same name moves to the path.
    ///
    /// - Throws: ``Push/PushTargetError``.
    package func pin(_ name: String, to path: StorePath, keep: PinKeeping) async throws {
        let body = CachixBodies.Pin(
            name: name,
            storePath: storeDirectory.path(of: path),
            keep: CachixBodies.Pin.Keep(keep)
        )
        try await sendPin(try FirnJSON.write(body))
    }
}

extension CachixBodies {
    /// `POST pin`.
    struct Pin: Encodable {
        struct Keep: Encodable {
            var tag: String
            var contents: Int?

            init?(_ keeping: PinKeeping) {
                switch keeping {
                case .unsaid: return nil
                case .days(let days): (tag, contents) = ("Days", days)
                case .revisions(let count): (tag, contents) = ("Revisions", count)
                case .forever: (tag, contents) = ("Forever", nil)
                }
            }
        }

        var name: String
        var storePath: String
        var keep: Keep?

        private enum CodingKeys: CodingKey { case name, storePath, artifacts, keep }

        /// Every key is there; what is not said is `null`.
        func encode(to encoder: any Encoder) throws {
            var body = encoder.container(keyedBy: CodingKeys.self)
            try body.encode(name, forKey: .name)
            try body.encode(storePath, forKey: .storePath)
            try body.encode([String](), forKey: .artifacts)
            try body.encode(keep, forKey: .keep)
        }
    }
}
