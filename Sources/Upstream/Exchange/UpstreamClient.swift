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

    private struct DoorKey: Hashable {
        var origin: HTTPURL.Origin
        var purpose: Purpose
    }

    let configuration: UpstreamClientConfiguration
    private let eventLoopGroup: any EventLoopGroup
    private let resolver = NameResolver()
    private let doors = Mutex<[DoorKey: Door]>([:])

    /// - Parameter eventLoopGroup: Where connections live; it stays the caller's to shut down.
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
    /// - Parameter deadline: For all of it: waiting for one's turn, the name, connecting, the head.
    func send(
        _ url: HTTPURL,
        _ headers: HTTPHeaders,
        for purpose: Purpose,
        until deadline: Instant
    ) async throws(ExchangeFailure) -> (HTTPResponseHead, Exchange) {
        for attempt in 0... {
            let (slots, address) = try await place(url.origin, purpose, until: deadline)
            let exchange: Exchange
            do throws(ExchangeFailure) {
                exchange = try start(url, headers, purpose, at: address, slots)
            } catch {
                slots.release()
                throw error
            }
            do throws(ExchangeFailure) {
                let head = try await exchange.head(
                    until: deadline,
                    connectedUntil: .now + configuration.connect
                )
                return (head, exchange)
            } catch {
                if case .unreachable = error.reason { resolver.demote(address, of: url.origin.host) }
                // Every idle connection may have been closed at once, by a server that started anew.
                if attempt == 2 || !error.isWorthAnotherTry { throw error }
                if attempt == 1 { renew(url.origin, purpose) }
            }
        }
        throw .cancelled
    }

    /// Waits for one's turn and for the name.
    private func place(
        _ origin: HTTPURL.Origin,
        _ purpose: Purpose,
        until deadline: Instant
    ) async throws(ExchangeFailure) -> (ConnectionSlots, address: String) {
        let slots = slots(origin, purpose)
        guard await slots.acquire(until: deadline) else {
            throw Task.isCancelled ? .cancelled : .busy
        }
        let resolution = min(deadline, .now + configuration.connect)
        let addresses = await resolver.addresses(of: origin.host, until: resolution)
        guard let address = addresses.first, !Task.isCancelled else {
            slots.release()
            if Task.isCancelled { throw .cancelled }
            throw ExchangeFailure(
                reason: .unreachable("no address is known for \(origin.host)"),
                blame: .address
            )
        }
        return (slots, address)
    }

    private func slots(_ origin: HTTPURL.Origin, _ purpose: Purpose) -> ConnectionSlots {
        doors.withLock { doors in
            if doors.count > 64 { Self.tidy(&doors) }
            let key = DoorKey(origin: origin, purpose: purpose)
            doors[key, default: newDoor(purpose)].lastUse = .now
            return doors[key, default: newDoor(purpose)].slots
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

    private func renew(_ origin: HTTPURL.Origin, _ purpose: Purpose) {
        doors.withLock { $0[DoorKey(origin: origin, purpose: purpose)]?.pool = nil }
    }

    private func start(
        _ url: HTTPURL,
        _ headers: HTTPHeaders,
        _ purpose: Purpose,
        at address: String,
        _ slots: ConnectionSlots
    ) throws(ExchangeFailure) -> Exchange {
        let request: HTTPClient.Request
        do {
            request = try HTTPClient.Request(
                url: url.description,
                method: .GET,
                headers: headers
            )
        } catch {
            throw .malformed("a URL that cannot be asked: \(url)")
        }
        let resources = doors.withLock { doors in
            let key = DoorKey(origin: url.origin, purpose: purpose)
            var door = doors[key] ?? newDoor(purpose)
            let pool: ConnectionPool
            if let known = door.pool, known.address == address {
                pool = known
            } else {
                pool = ConnectionPool(
                    host: url.origin.host,
                    address: address,
                    connections: connections(purpose),
                    configuration,
                    on: eventLoopGroup
                )
            }
            door.pool = pool
            doors[key] = door
            return Exchange.Resources(pool: pool, slots: slots)
        }
        return Exchange.start(request, resources)
    }
}
