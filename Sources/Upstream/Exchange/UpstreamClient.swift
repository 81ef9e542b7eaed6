// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
package import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// The one HTTP client of all tiers: names, connections and their bounds, by host.
package final class UpstreamClient: Sendable {
    /// What a connection is for; each has connections of its own.
    enum Purpose: Sendable, Hashable, CaseIterable {
        case question
        case transfer
        case probe
    }

    /// The connections to one origin for one purpose.
    private struct Door {
        let slots: ConnectionSlots
        var pool: ConnectionPool?
        var lastUse: Instant
    }

    fileprivate struct DoorKey: Hashable {
        var origin: HTTPURL.Origin
        var purpose: Purpose
    }

    let configuration: UpstreamClientConfiguration
    private let eventLoopGroup: any EventLoopGroup
    private let resolver = NameResolver()
    private let doors = Mutex<[DoorKey: Door]>([:])

    /// Connections live on the event loops of the group, which stays the caller's to shut down.
    package init(
        _ configuration: UpstreamClientConfiguration,
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) {
        self.configuration = configuration
        self.eventLoopGroup = eventLoopGroup
    }

    /// Forgets names and connections; what is under way goes on, on the connections that it has.
    package func networkChanged() {
        resolver.networkChanged()
        doors.withLock { doors in
            for key in doors.keys { doors[key]?.pool = nil }
        }
    }

    /// Sends one request, and waits for the head of its answer.
    ///
    /// The deadline is for all of it: waiting for one's turn, the name, connecting, the head. The next
    /// address of a host is tried when one does not let us in.
    func send(
        _ request: Outgoing,
        to addressee: Addressee
    ) async throws(ExchangeFailure) -> (HTTPResponseHead, Exchange) {
        var tried: Set<String> = []
        var closings = 0
        var last = ExchangeFailure.noAddress(request.url.origin.host)
        var isAgain = false
        while let (slots, address) = try await place(request, addressee, tried, again: isAgain) {
            isAgain = true
            do throws(ExchangeFailure) {
                let exchange = try start(request, at: address, slots)
                let head = try await exchange.head(
                    until: request.deadline,
                    connectedUntil: .now + configuration.connect
                )
                return (head, exchange)
            } catch {
                last = error
            }
            if last.isWorthAnotherTry, closings < 2 {
                closings += 1
                // Every idle connection may have been closed at once, by a server that started anew.
                if closings == 2 { renew(request) }
            } else if case .unreachable = last.reason, request.deadline > .now {
                resolver.demote(address, of: request.url.origin.host)
                tried.insert(address)
            } else {
                break
            }
        }
        throw last
    }

    /// Waits for one's turn and for the name.
    ///
    /// - Returns: `nil` when there is no address but those that were tried.
    private func place(
        _ request: Outgoing,
        _ addressee: Addressee,
        _ tried: Set<String>,
        again isAgain: Bool
    ) async throws(ExchangeFailure) -> (ConnectionSlots, address: String)? {
        let slots = slots(request.door)
        guard await slots.acquire(until: request.deadline, again: isAgain) else {
            throw Task.isCancelled ? .cancelled : .busy
        }
        guard addressee.isWanted() else {
            slots.release()
            throw .unwanted
        }
        addressee.noteSent()
        let addresses = await resolver.addresses(
            of: request.url.origin.host,
            until: min(request.deadline, .now + configuration.connect)
        )
        if !Task.isCancelled, let address = addresses.first(where: { !tried.contains($0) }) {
            return (slots, address)
        }
        slots.release()
        if Task.isCancelled { throw .cancelled }
        return nil
    }

    private func slots(_ key: DoorKey) -> ConnectionSlots {
        doors.withLock { doors in
            if doors.count > 64 { Self.tidy(&doors) }
            var door = doors[key] ?? newDoor(key.purpose)
            door.lastUse = .now
            doors[key] = door
            return door.slots
        }
    }

    private func newDoor(_ purpose: Purpose) -> Door {
        Door(slots: ConnectionSlots(count: connections(purpose)), pool: nil, lastUse: .now)
    }

    private func connections(_ purpose: Purpose) -> Int {
        switch purpose {
        case .question: configuration.questionConnections
        case .transfer: configuration.transferConnections
        case .probe: configuration.probeConnections
        }
    }

    /// Hosts that redirects led to are many; those that nobody has asked for a while go.
    private static func tidy(_ doors: inout [DoorKey: Door]) {
        let old = Instant.now - .seconds(120)
        doors = doors.filter { $0.value.lastUse > old }
    }

    private func renew(_ request: Outgoing) {
        doors.withLock { $0[request.door]?.pool = nil }
    }

    private func start(
        _ outgoing: Outgoing,
        at address: String,
        _ slots: ConnectionSlots
    ) throws(ExchangeFailure) -> Exchange {
        let request: HTTPClient.Request
        do {
            request = try HTTPClient.Request(
                url: outgoing.url.description,
                method: outgoing.body == nil ? .GET : .POST,
                headers: outgoing.headers,
                body: outgoing.body.map { .bytes($0) }
            )
        } catch {
            slots.release()
            throw .malformed("a URL that cannot be asked: \(outgoing.url)")
        }
        let pool = pool(outgoing.door, at: address)
        return Exchange.start(request, Exchange.Resources(pool: pool, slots: slots))
    }

    private func pool(_ key: DoorKey, at address: String) -> ConnectionPool {
        doors.withLock { doors in
            var door = doors[key] ?? newDoor(key.purpose)
            if let pool = door.pool, pool.address == address { return pool }
            let pool = ConnectionPool(
                host: key.origin.host,
                address: address,
                connections: connections(key.purpose),
                configuration,
                on: eventLoopGroup
            )
            door.pool = pool
            doors[key] = door
            return pool
        }
    }
}

/// A request to one URL.
struct Outgoing: Sendable {
    let url: HTTPURL
    let headers: HTTPHeaders
    let purpose: UpstreamClient.Purpose
    let deadline: Instant
    /// What is sent with it; `nil` for a mere question.
    var body: [UInt8]?

    fileprivate var door: UpstreamClient.DoorKey {
        UpstreamClient.DoorKey(origin: url.origin, purpose: purpose)
    }
}
