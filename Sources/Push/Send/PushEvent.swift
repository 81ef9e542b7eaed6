// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// What happens during a push, for whoever shows it; told from any thread.
package enum PushEvent: Hashable, Sendable {
    case began(StorePath, narBytes: UInt64)
    /// So many more bytes of the NAR were read.
    case read(StorePath, narBytes: Int)
    /// So many more bytes have left for the cache; negative when they have to be sent again.
    case sent(StorePath, fileBytes: Int)
    case ended(StorePath, PushOutcome)
    /// A request failed and is made again after a pause.
    case pausing(reason: String, Duration)
}

/// How a path that was to be sent has ended.
package enum PushOutcome: Hashable, Sendable {
    /// It is there; `fileBytes` is its compressed size.
    case sent(fileBytes: UInt64)
    /// It is there, and its bytes have not travelled: the cache had them, and believes us.
    case proved
    /// It is not in the store any more.
    case collected
    /// Something that it needs has not been sent.
    case refersTo(StorePath)
    case failed(reason: String)
    /// The push ended before it was its turn, or while it was.
    case notSent
}
