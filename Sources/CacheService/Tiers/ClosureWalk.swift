// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// Goes from a path to all that it needs, many at a time.
///
/// Bounded in paths, bytes and time. What is over a bound is left out; the path itself never is.
struct ClosureWalk: Sendable {
    /// One path with what it refers to.
    struct Part: Sendable {
        let answer: NARInfoAnswer
        let references: [StorePathHash]

        init(answer: NARInfoAnswer, references: [StorePathHash]) {
            self.answer = answer
            self.references = references
        }

        /// - Returns: `nil` for what is no narinfo, which none of ours is not.
        init?(_ answer: NARInfoAnswer, in storeDirectory: StoreDirectory) {
            guard let narInfo = try? NARInfo(parsing: answer.text, storeDirectory: storeDirectory)
            else { return nil }
            self.init(answer: answer, references: narInfo.references.map(\.hash))
        }
    }

    /// More than the largest system that we know of; a client asks one by one for what is beyond it.
    private static let maximumPaths = 50_000
    /// A narinfo has a kilobyte or two; whoever reads the answer takes up to 64 MiB.
    private static let maximumBytes = 32 << 20
    /// Half of what a client's own HTTP connections to one cache are: others want answers, too.
    private static let maximumConcurrent = 24
    /// For questions to other caches: below the budget of a lookup, since a client may have one waiting.
    private static let askingLimit = Duration.seconds(1)
    /// For all of it, when the store is slow: below the five seconds that a client waits.
    private static let limit = Duration.seconds(4)

    private let cache: TieredCache
    private let deadline: ContinuousClock.Instant
    private let askingDeadline: ContinuousClock.Instant

    init(_ cache: TieredCache) {
        self.cache = cache
        deadline = .now + Self.limit
        askingDeadline = .now + Self.askingLimit
    }

    func run(from root: StorePathHash) async throws -> ClosureAnswer? {
        guard let answer = try await cache.resolveNARInfo(root),
            let first = Part(answer, in: cache.storeDirectory)
        else { return nil }
        let parts = await collect(from: root, first)
        return ClosureAnswer(
            text: NARInfoClosure.write(Self.dependenciesFirst(root, parts)),
            tierName: answer.tierName
        )
    }

    @concurrent
    private func collect(
        from root: StorePathHash,
        _ first: Part
    ) async -> [StorePathHash: Part] {
        var parts = [root: first]
        var bytes = first.answer.text.count
        var visited: Set<StorePathHash> = [root]
        var waiting: [StorePathHash] = []
        func visit(_ part: Part) {
            for hash in part.references
            where visited.count < Self.maximumPaths && visited.insert(hash).inserted {
                waiting.append(hash)
            }
        }
        visit(first)
        await withTaskGroup(of: (StorePathHash, Part?).self) { group in
            var running = 0
            // Nearest to the path first, so that a cut takes what is furthest from it.
            var next = 0
            func start() {
                while running < Self.maximumConcurrent, next < waiting.count,
                    Self.maximumBytes > bytes, deadline > .now
                {
                    let hash = waiting[next]
                    next += 1
                    running += 1
                    group.addTask { (hash, await cache.closurePart(hash, until: askingDeadline)) }
                }
            }
            start()
            for await (hash, part) in group {
                running -= 1
                if let part {
                    parts[hash] = part
                    bytes += part.answer.text.count
                    visit(part)
                }
                start()
            }
        }
        return parts
    }

    private static func dependenciesFirst(
        _ root: StorePathHash,
        _ parts: [StorePathHash: Part]
    ) -> [[UInt8]] {
        var texts: [[UInt8]] = []
        var visited: Set<StorePathHash> = [root]
        var stack: [(part: Part, next: Int)] = parts[root].map { [($0, 0)] } ?? []
        while let (part, next) = stack.last {
            guard next < part.references.count else {
                texts.append(part.answer.text)
                stack.removeLast()
                continue
            }
            stack[stack.count - 1].next += 1
            let reference = part.references[next]
            guard let found = parts[reference], visited.insert(reference).inserted else { continue }
            stack.append((found, 0))
        }
        return texts
    }
}
