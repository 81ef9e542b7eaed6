// SPDX-License-Identifier: Apache-2.0
package import NixFormat
import NixStore

extension TieredCache {
    /// More than the largest system that we know of; a client asks one by one for what is beyond it.
    private static let maximumClosurePaths = 50_000

    /// The narinfos of everything that a path of this machine's store needs, dependencies first.
    ///
    /// - Shape: ``NARInfoClosure``.
    /// - Returns: `nil` when the store does not have the path.
    /// - Throws: ``CacheError/storageUnavailable(_:)`` when nobody knows.
    package func resolveClosure(_ hash: StorePathHash) async throws -> [UInt8]? {
        guard let root = try await store.resolve(hash) else { return nil }
        var texts: [[UInt8]] = []
        var visited: Set<StorePathHash> = [hash]
        var stack: [(answer: StoreAnswer, next: Int)] = [(root, 0)]
        while let (answer, next) = stack.last {
            let references = answer.info.references
            guard next < references.count else {
                texts.append(answer.answer.text)
                stack.removeLast()
                continue
            }
            stack[stack.count - 1].next += 1
            let reference = references[next]
            guard visited.count < Self.maximumClosurePaths,
                visited.insert(reference.hash).inserted,
                let found = try await store.resolve(reference.hash)
            else { continue }
            stack.append((found, 0))
        }
        return NARInfoClosure.write(texts)
    }
}
