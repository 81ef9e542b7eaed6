// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

extension TierTests {
    /// A disk with less room than `max-size` says.
    @Suite(.enabled(if: getuid() == 0, "mounts a small file system"))
    struct FullDiskTests {
        private let cache: PublicCache

        init() throws {
            cache = try PublicCache.prepared()
        }

        @Test func aTransferGoesOnWhenTheDiskBecomesFull() async throws {
            try await withNixStore { store in
                try await store.initialise()
                var setup = ServerSetup(storeRoot: store.root)
                setup.compression = "zstd"
                setup.tiers = [cache.tier]
                setup.hasOwnMounts = true
                setup.launcher = """
                    mkdir -p "$STATE/depot"
                    mount -t tmpfs -o size=20m none "$STATE/depot"
                    exec "$@"
                    """
                try await withServer(setup) { server in
                    let target = try await server.narTarget(of: cache.big)
                    let file = try cache.file(of: cache.big)
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for _ in 0..<4 {
                            group.addTask {
                                let answer = try await server.get(target)
                                #expect(answer.isComplete)
                                #expect(Bytes(answer.body) == Bytes(file))
                            }
                        }
                        try await group.waitForAll()
                    }
                    #expect(server.log.contains("nothing is kept for a while"))
                    // And what comes next is passed on too.
                    let next = try await server.narTarget(of: cache.pieces[0])
                    #expect(try await server.get(next).isComplete)
                    let ready = try await server.get("/readyz")
                    #expect(ready.status == 200)
                    #expect(ready.text.contains("depot: disk full, nothing is kept"))
                    let status = try await server.firn(["status"]).requireSuccess().text
                    #expect(status.contains("nothing is kept"))
                }
            }
        }
    }
}
