// SPDX-License-Identifier: Apache-2.0
import CacheService
import FirnTestSupport
import Testing

extension TieredCache {
    /// Everything that a client of this request would get.
    func read(_ request: NARRequest, range: Range<UInt64>? = nil) async throws -> [UInt8] {
        let found = try await resolveNAR(request)
        let answer = try #require(found)
        guard case .source(_, let open) = answer.content else {
            Issue.record("not a source")
            return []
        }
        let source = try open(range)
        var all: [UInt8] = []
        while true {
            try await source.ready()
            // Filling may block, as it does on a server's threads.
            let piece = try await onOwnThread {
                try unsafe [UInt8](unsafeUninitializedCapacity: 65_536) { space, count in
                    count = try unsafe source.fill(UnsafeMutableRawBufferPointer(space))
                }
            }
            guard !piece.isEmpty else { return all }
            all += piece
        }
    }
}
