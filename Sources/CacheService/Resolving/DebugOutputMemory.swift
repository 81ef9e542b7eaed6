// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization

/// Where debug symbols were found, and where they were looked for in vain.
///
/// Finding them means looking into every debug output of the store. What was found stays known, as
/// store paths do not change; what was not found, until Nix's database changes. Both are bounded.
final class DebugOutputMemory: Sendable {
    static let maximumBuildIDs = 4096

    private struct State {
        var found: [String: StorePath] = [:]
        /// What `outputs` and `missing` are true for.
        var changeCount: UInt64 = 0
        var outputs: [StorePath]?
        var missing: Set<String> = []
    }

    private let state = Mutex(State())

    func path(with buildID: String) -> StorePath? {
        state.withLock { $0.found[buildID] }
    }

    func isMissing(_ buildID: String, at changeCount: UInt64) -> Bool {
        state.withLock { $0.changeCount == changeCount && $0.missing.contains(buildID) }
    }

    func outputs(at changeCount: UInt64) -> [StorePath]? {
        state.withLock { $0.changeCount == changeCount ? $0.outputs : nil }
    }

    func remember(_ path: StorePath, with buildID: String) {
        state.withLock { state in
            if state.found.count >= Self.maximumBuildIDs { state.found = [:] }
            state.found[buildID] = path
        }
    }

    func forget(_ buildID: String) {
        state.withLock { _ = $0.found.removeValue(forKey: buildID) }
    }

    func remember(missing buildID: String, at changeCount: UInt64) {
        update(at: changeCount) { state in
            if state.missing.count >= Self.maximumBuildIDs { state.missing = [] }
            state.missing.insert(buildID)
        }
    }

    func remember(outputs: [StorePath], at changeCount: UInt64) {
        update(at: changeCount) { $0.outputs = outputs }
    }

    /// What was learned before a change is forgotten; what comes too late is not kept.
    private func update(at changeCount: UInt64, _ body: (inout State) -> Void) {
        state.withLock { state in
            guard state.changeCount <= changeCount else { return }
            if state.changeCount < changeCount {
                state.changeCount = changeCount
                state.outputs = nil
                state.missing = []
            }
            body(&state)
        }
    }
}
