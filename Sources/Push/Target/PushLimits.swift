// SPDX-License-Identifier: Apache-2.0

/// What a cache offers to its senders, and how much of it at a time.
package struct PushLimits: Hashable, Sendable {
    /// Small NARs that travel together.
    package struct Bundle: Hashable, Sendable {
        /// Bytes of the files, what stands between them not counted.
        package var fileBytes: Int
        package var paths: Int
        package var requestsAtATime: Int

        package init(fileBytes: Int, paths: Int, requestsAtATime: Int) {
            self.fileBytes = fileBytes
            self.paths = paths
            self.requestsAtATime = requestsAtATime
        }
    }

    /// The most paths that one question may have; at least 1.
    package var questionPaths: Int
    /// `nil` where each small NAR is an upload of one part.
    package var bundle: Bundle?
    /// The most paths that one commit may have; at least 1.
    package var commitPaths: Int
    /// `nil` for as many as there are jobs.
    package var commitsAtATime: Int?
    /// Whether an upload goes on where it was broken off, byte by byte.
    package var resumesUploads: Bool
    /// Whether the MD5 of each part and the SHA-256 of each file are wanted.
    package var wantsFileHashes: Bool

    package init(
        questionPaths: Int,
        bundle: Bundle? = nil,
        commitPaths: Int = 1,
        commitsAtATime: Int? = nil,
        resumesUploads: Bool = false,
        wantsFileHashes: Bool = true
    ) {
        self.questionPaths = questionPaths
        self.bundle = bundle
        self.commitPaths = commitPaths
        self.commitsAtATime = commitsAtATime
        self.resumesUploads = resumesUploads
        self.wantsFileHashes = wantsFileHashes
    }
}
