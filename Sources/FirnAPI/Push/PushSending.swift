// SPDX-License-Identifier: Apache-2.0

/// A large NAR that is about to come, or to go on coming.
package struct PushBeginning: Codable, Hashable, Sendable {
    /// The base name of the store path.
    package var path: String
    /// As in a narinfo.
    package var narHash: String
    /// In bytes.
    package var narSize: UInt64
    /// What makes the same file of the same NAR: any line of up to 200 characters.
    package var encoder: String

    package init(path: String, narHash: String, narSize: UInt64, encoder: String) {
        self.path = path
        self.narHash = narHash
        self.narSize = narSize
        self.encoder = encoder
    }
}

/// Bytes of a file, from the first to before the last.
package struct ByteStretch: Codable, Hashable, Sendable {
    package var from: UInt64
    package var to: UInt64

    package init(from: UInt64, to: UInt64) {
        self.from = from
        self.to = to
    }
}

/// An upload, and what has arrived of it.
package struct PushUploadReport: Codable, Hashable, Sendable {
    package var upload: UploadName
    /// In order, and not touching each other.
    package var have: [ByteStretch]
    /// Whether it is all there and verified: nothing is left but to commit the path.
    package var isComplete: Bool

    package init(upload: UploadName, have: [ByteStretch], isComplete: Bool) {
        self.upload = upload
        self.have = have
        self.isComplete = isComplete
    }
}

/// All of a file has been sent.
package struct PushEnd: Codable, Hashable, Sendable {
    package var upload: UploadName
    /// In bytes.
    package var fileSize: UInt64

    package init(upload: UploadName, fileSize: UInt64) {
        self.upload = upload
        self.fileSize = fileSize
    }
}

/// What became of a file that was sent.
package struct PushEndReport: Codable, Hashable, Sendable {
    package enum State: String, Codable, Sendable {
        case done
        case checking
        case lacking
    }

    package var state: State
    /// How far checking is, in bytes of the file.
    package var checkedBytes: UInt64?
    /// What is there, where something is lacking.
    package var have: [ByteStretch]?

    package init(state: State, checkedBytes: UInt64? = nil, have: [ByteStretch]? = nil) {
        self.state = state
        self.checkedBytes = checkedBytes
        self.have = have
    }
}

/// What became of NARs that were sent, or proved to be had.
package struct PushResults: Codable, Hashable, Sendable {
    package struct Result: Codable, Hashable, Sendable {
        package var hash: String
        /// Why it was not taken; absent when it was.
        package var refusal: String?

        package init(hash: String, refusal: String? = nil) {
            self.hash = hash
            self.refusal = refusal
        }
    }

    package var results: [Result]

    package init(results: [Result]) { self.results = results }
}

/// What became of paths that were to be seen, in the order of the narinfos.
package struct PushCommits: Codable, Hashable, Sendable {
    package enum State: String, Codable, Sendable {
        case there
        case absent
        case lacking
        case later
        case refused
    }

    package struct Result: Codable, Hashable, Sendable {
        package var hash: String
        package var state: State
        package var reason: String?
        /// The cache's own, there with `there`.
        package var signature: String?

        package init(
            hash: String,
            state: State,
            reason: String? = nil,
            signature: String? = nil
        ) {
            self.hash = hash
            self.state = state
            self.reason = reason
            self.signature = signature
        }
    }

    package var results: [Result]

    package init(results: [Result]) { self.results = results }
}
