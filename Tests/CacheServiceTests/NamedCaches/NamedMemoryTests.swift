// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import Depot
import FirnTestSupport
import NixFormat
import Testing

/// What a cache answers from memory is never older than what was acknowledged.
@Suite struct NamedMemoryTests {
    private func withCache(_ body: (PushedCache) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            try await body(try PushedCache.open(directory.path("depot"), MemoryKeyring()))
        }
    }

    private func known(_ path: PushedPath, in pushed: PushedCache) throws -> NARInfoAnswer? {
        guard let cache = pushed.caches.knownReadable(PushedCache.name, showing: nil) else {
            return nil
        }
        return pushed.caches.knownNARInfo(path.hash, in: cache)
    }

    private func publish(_ pushed: PushedCache, _ isPublic: Bool = true) throws {
        var settings = CacheSettings()
        settings.isPublic = isPublic
        try pushed.caches.declare([(name: pushed.cache, settings: settings)])
    }

    @Test func whatWasAskedForIsKnownAndWhatIsClosedIsNot() async throws {
        try await withCache { pushed in
            let path = try PushedPath.universe(1)[0]
            try publish(pushed)
            try await pushed.send(path)
            try await pushed.describe(path)
            #expect(try known(path, in: pushed) == nil)
            let answer = try await pushed.caches.resolveNARInfo(
                path.hash,
                in: pushed.cache,
                for: .anonymous
            )
            #expect(try known(path, in: pushed)?.text == answer?.text)
            // What is pushed beside it changes nothing about it.
            let others = try PushedPath.universe(2)
            try await pushed.send(others[1])
            try await pushed.describe(others[1])
            #expect(try known(path, in: pushed) != nil)
            try publish(pushed, false)
            #expect(try known(path, in: pushed) == nil)
        }
    }

    @Test func nobodyIsToldOfAPathOnceItsRemovalWasAcknowledged() async throws {
        try await withCache { pushed in
            let path = try PushedPath.universe(1)[0]
            try publish(pushed)
            for _ in 0..<40 {
                try await pushed.send(path)
                try await pushed.describe(path)
                try await withThrowingTaskGroup { group in
                    for _ in 0..<3 {
                        group.addTask {
                            for _ in 0..<4 {
                                _ = try await pushed.caches.resolveNARInfo(
                                    path.hash,
                                    in: pushed.cache,
                                    for: .anonymous
                                )
                            }
                        }
                    }
                    group.addTask {
                        var entries: [MemberEntry] = []
                        try pushed.depot.forEachMember(of: pushed.cache) { entry, _ in
                            entries.append(entry)
                        }
                        _ = try pushed.depot.remove(entries, from: pushed.cache)
                        #expect(try known(path, in: pushed) == nil)
                    }
                    try await group.waitForAll()
                }
                // Whoever was looking it up meanwhile has not put it back.
                #expect(try known(path, in: pushed) == nil)
            }
        }
    }
}
