// SPDX-License-Identifier: Apache-2.0
import Depot
import NixFormat
import NixStore

extension StoreTier {
    /// Debug outputs that are looked into: a store has one for each package that separates its symbols.
    private static let maximumDebugOutputs = 20_000

    /// The debug symbols of the program with this build id.
    ///
    /// - Parameter buildID: 40 lower-case hexadecimal digits.
    /// - Returns: `nil` when no debug output in the store has them.
    /// - Throws: ``CacheError/storageUnavailable(_:)`` when nobody knows.
    /// - Source: Nix's `index-debug-info`, which writes the same for each file of this name.
    package func resolveDebugInfo(buildID: String) async throws -> DebugInfoAnswer? {
        let member = [
            "lib", "debug", ".build-id", "\(buildID.prefix(2))", "\(buildID.dropFirst(2)).debug",
        ]
        guard let path = try await debugOutput(with: buildID, at: member) else { return nil }
        guard let answer = try await resolve(path.hash) else {
            debugOutputMemory.forget(buildID)
            return nil
        }
        let key = try ObjectKey(
            storeHash: answer.info.path.hash,
            narHash: answer.info.narHash,
            form: answer.offersCompressed ? .zstd : .identity
        )
        return DebugInfoAnswer(
            archive: "../nar/\(key)",
            member: member.joined(separator: "/")
        )
    }

    private func debugOutput(with buildID: String, at member: [String]) async throws -> StorePath? {
        if let known = debugOutputMemory.path(with: buildID) { return known }
        let changeCount = store.changeCount
        if debugOutputMemory.isMissing(buildID, at: changeCount) { return nil }
        let outputs = try await debugOutputs(at: changeCount)
        let names = member.map { Array($0.utf8) }
        let found = try await waiting(atMost: Self.fileDeadline) { [store] in
            try outputs.first { output in
                if case .regular = try store.openFile(in: output, at: names) { true } else { false }
            }
        }
        if let found {
            debugOutputMemory.remember(found, with: buildID)
        } else {
            debugOutputMemory.remember(missing: buildID, at: changeCount)
        }
        return found
    }

    private func debugOutputs(at changeCount: UInt64) async throws -> [StorePath] {
        if let known = debugOutputMemory.outputs(at: changeCount) { return known }
        let outputs = try await asking { deadline in
            try await store.debugOutputs(limit: Self.maximumDebugOutputs, deadline: deadline)
        }
        debugOutputMemory.remember(outputs: outputs, at: changeCount)
        return outputs
    }
}
