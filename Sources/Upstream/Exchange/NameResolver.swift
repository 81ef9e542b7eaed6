// SPDX-License-Identifier: Apache-2.0
import Foundation
import NIOCore
import Synchronization

/// Finds the addresses of hosts, each on threads of its own.
///
/// NIO asks for one name after the other on each of its threads, so that one dead name, at ten seconds
/// a question, would keep every other tier waiting. Here questions for one name are put together, and
/// while they stay unanswered a further one is sent now and then: the one that is sent after the
/// network is back is answered at once.
final class NameResolver: Sendable {
    private struct Entry {
        var addresses: [String] = []
        var isFresh: ContinuousClock.Instant?
        var underWay = 0
        var lastAsked: ContinuousClock.Instant?
        var waiting: [UInt64: CheckedContinuation<[String], Never>] = [:]
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var nextID: UInt64 = 0
        /// Answers of an older one are dropped.
        var generation = 0
    }

    /// How long addresses count; afterwards they are used once more while they are asked for.
    private static let lifetime: Duration = .seconds(30)
    private static let maximumThreadsPerName = 6
    private static let maximumNames = 256
    private let state = Mutex(State())

    init() {}

    /// The addresses of a host as text, the one to try first in front.
    ///
    /// - Returns: Nothing when there are none, or when the time is up.
    func addresses(of host: String, until deadline: Instant) async -> [String] {
        if (try? SocketAddress(ipAddress: host, port: 0)) != nil { return [host] }
        if let known = known(host) { return known }
        return await withTaskGroup(of: [String]?.self) { group in
            let id = state.withLock { state in
                state.nextID += 1
                return state.nextID
            }
            group.addTask { await self.wait(for: host, as: id) }
            group.addTask {
                try? await Task.sleep(until: deadline, clock: .continuous)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            self.stopWaiting(for: host, as: id)
            return first ?? []
        }
    }

    /// The first address did not work: another one is first from now on, and the name is asked for anew.
    func demote(_ address: String, of host: String) {
        state.withLock { state in
            guard var entry = state.entries[host], entry.addresses.first == address else { return }
            entry.addresses.append(entry.addresses.removeFirst())
            entry.isFresh = nil
            state.entries[host] = entry
        }
    }

    func networkChanged() {
        let waiting = state.withLock { state in
            state.generation += 1
            let entries = state.entries
            // Those who wait go on waiting, for an answer from the network as it is now.
            state.entries = entries.compactMapValues { entry in
                guard !entry.waiting.isEmpty else { return nil }
                var fresh = Entry()
                fresh.waiting = entry.waiting
                return fresh
            }
            return Array(state.entries.keys)
        }
        for host in waiting { ask(host) }
    }

    private func known(_ host: String) -> [String]? {
        let now = ContinuousClock.now
        let (addresses, isStale) = state.withLock { state -> ([String], Bool) in
            guard let entry = state.entries[host] else { return ([], true) }
            return (entry.addresses, (entry.isFresh ?? now - .seconds(1)) < now)
        }
        if isStale { ask(host) }
        return addresses.isEmpty ? nil : addresses
    }

    private func wait(for host: String, as id: UInt64) async -> [String] {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let known: [String]? = state.withLock { state in
                    let addresses = state.entries[host]?.addresses ?? []
                    if !addresses.isEmpty { return addresses }
                    // Nobody asks: the answer came and was none.
                    guard state.entries[host]?.underWay ?? 0 > 0, !Task.isCancelled else {
                        return []
                    }
                    state.entries[host]?.waiting[id] = continuation
                    return nil
                }
                if let known { continuation.resume(returning: known) }
            }
        } onCancel: {
            stopWaiting(for: host, as: id)
        }
    }

    private func stopWaiting(for host: String, as id: UInt64) {
        let waiter = state.withLock { $0.entries[host]?.waiting.removeValue(forKey: id) }
        waiter?.resume(returning: [])
    }

    private func ask(_ host: String) {
        let now = ContinuousClock.now
        let generation: Int? = state.withLock { state in
            if state.entries.count > Self.maximumNames {
                state.entries = state.entries.filter { $0.value.underWay > 0 }
            }
            var entry = state.entries[host] ?? Entry()
            let isRecent = entry.lastAsked.map { now - $0 < .seconds(1) } ?? false
            guard entry.underWay < Self.maximumThreadsPerName, entry.underWay == 0 || !isRecent
            else {
                return nil
            }
            entry.underWay += 1
            entry.lastAsked = now
            state.entries[host] = entry
            return state.generation
        }
        guard let generation else { return }
        Thread.detachNewThread { [self] in
            let found = SystemResolver.addresses(of: host)
            note(found, of: host, generation)
        }
    }

    private func note(_ found: [String], of host: String, _ generation: Int) {
        let waiting: [CheckedContinuation<[String], Never>] = state.withLock { state in
            guard generation == state.generation, var entry = state.entries[host] else { return [] }
            entry.underWay -= 1
            // A name that cannot be asked for keeps the addresses that it had.
            if !found.isEmpty {
                entry.addresses = found
                entry.isFresh = .now + Self.lifetime
            }
            let waiting = Array(entry.waiting.values)
            entry.waiting = [:]
            state.entries[host] = entry
            return waiting
        }
        for waiter in waiting { waiter.resume(returning: found) }
    }
}
