// SPDX-License-Identifier: Apache-2.0
import Glibc
import HTTPTypes
import HummingbirdCore
import HummingbirdHTTP2
package import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle

/// Accepts connections on every address and has them answered until it is told to stop.
package struct CacheListener: Service {
    private let configuration: ServerConfiguration
    private let responder: CacheResponder
    private let metrics: ServerMetrics
    private let logger: Logger
    private let onListening: @Sendable ([ListenAddress]) async -> Void
    private let threads: NIOThreadPool
    private let registry: ConnectionRegistry

    /// Threads that wait for the disk while NARs are read; more than cores, since most wait.
    private static let readingThreads = 8

    /// `onListening` is called once, when every address is bound, with the ports in use.
    package init(
        configuration: ServerConfiguration,
        responder: CacheResponder,
        metrics: ServerMetrics,
        logger: Logger,
        onListening: @escaping @Sendable ([ListenAddress]) async -> Void
    ) {
        self.configuration = configuration
        self.responder = responder
        self.metrics = metrics
        self.logger = logger
        self.onListening = onListening
        threads = NIOThreadPool(numberOfThreads: Self.readingThreads)
        registry = ConnectionRegistry(maximum: configuration.maximumConnections, metrics: metrics)
    }

    /// - Throws: ``ListenError`` when an address cannot be had; nothing is then left bound.
    package func run() async throws {
        threads.start()
        var doors = try await openDoors()
        await onListening(doors.map(\.address))
        if let control = await openControlDoor() { doors.append(control) }
        let allDoors = doors
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { tasks in
                for door in allDoors {
                    tasks.addTask { await door.serve() }
                }
            }
        } onGracefulShutdown: {
            drain(allDoors)
        }
        if let path = configuration.controlSocket { unsafe unlink(path) }
        for case .unix(let path) in configuration.addresses { unsafe unlink(path) }
        try await threads.shutdownGracefully()
    }

    private var group: MultiThreadedEventLoopGroup { .singleton }

    /// Idle connections close now, busy ones after their answer, and all of them at the limit.
    private func drain(_ doors: [any Door]) {
        for door in doors { door.quiesce() }
        // When all have ended before, the process has too, and this is never run.
        group.next().scheduleTask(in: TimeAmount(configuration.drainLimit)) {
            let count = registry.count
            if count > 0 {
                logger.warning("drain limit reached", metadata: ["connections": "\(count)"])
            }
            registry.closeAll()
        }
    }

    private func openDoors() async throws -> [any Door] {
        var doors: [any Door] = []
        for address in configuration.addresses {
            do {
                doors.append(try await openDoor(address))
            } catch {
                for door in doors { door.close() }
                throw ListenError(address: address, cause: error)
            }
        }
        return doors
    }

    /// Without it everything is served all the same; only orders are not taken.
    private func openControlDoor() async -> (any Door)? {
        guard let path = configuration.controlSocket else { return nil }
        do {
            return try await openDoor(.unix(path: path), isControl: true)
        } catch {
            let reason = ListenError(address: .unix(path: path), cause: error).description
            logger.warning("no control socket", metadata: ["cause": "\(reason)"])
            return nil
        }
    }

    private func openDoor(
        _ address: ListenAddress,
        isControl: Bool = false
    ) async throws -> any Door {
        let isSecure = if case .unix = address { false } else { configuration.tls != nil }
        var configuration = configuration
        if isControl { configuration.unixSocketMode = 0o600 }
        let framework = FrameworkResponder(
            responder: responder,
            metrics: metrics,
            threads: threads,
            date: date,
            isSecure: isSecure,
            isControl: isControl,
            logger: logger
        )
        let respond: HTTPChannelHandler.Responder = { request, writer, channel in
            try await framework.respond(request, writer, channel)
        }
        let http1 = HTTP1Channel.Configuration(
            additionalChannelHandlers: [LaneMarker()],
            idleTimeout: isSecure ? TimeAmount(configuration.idleTimeout) : nil,
            httpDecoderConfiguration: Self.headLimits
        )
        let connections = ConnectionSetup(
            configuration: configuration,
            registry: registry,
            lane: isSecure ? nil : lane,
            logger: logger
        )
        guard isSecure, let tls = configuration.tls else {
            let channel = HTTP1Channel(responder: respond, configuration: http1)
            return try await BoundDoor(address, channel, connections, group)
        }
        let http2 = HTTP2ChannelConfiguration(
            idleTimeout: configuration.idleTimeout,
            streamConfiguration: http1
        )
        let channel = try HTTP2UpgradeChannel(
            tlsConfiguration: tls.serverConfiguration(),
            configuration: http2,
            responder: respond
        )
        return try await BoundDoor(address, channel, connections, group)
    }

    private var date: HTTPDate { HTTPDate.shared }

    private var lane: @Sendable (ConnectionGuard) -> FastLane {
        let answers = LaneAnswers(cache: responder.cache, date: date)
        return { [metrics, threads, logger] connectionGuard in
            FastLane(
                answers: answers,
                metrics: metrics,
                threads: threads,
                connectionGuard: connectionGuard,
                logger: logger
            )
        }
    }

    /// A client of a binary cache sends a few hundred bytes of fields.
    private static let headLimits = HTTP1Channel.Configuration.DecoderConfiguration(
        maxHeaderFieldSize: 16 << 10,
        maxHeaderListSize: 32 << 10,
        maxHeaderFieldCount: 100
    )
}

/// An address that cannot be listened on, with the reason in words.
package struct ListenError: Error, CustomStringConvertible {
    package let address: ListenAddress
    package let cause: any Error

    package var description: String { "cannot listen on \(address): \(reason)" }

    /// The cause in words.
    package var reason: String {
        if cause is UnixDomainSocketPathWrongType { return "the path is there and is no socket" }
        if cause is SocketAddressError.UnknownHost { return "no address is known for this host" }
        guard let error = cause as? IOError else { return "\(cause)" }
        return error.errnoCode == EADDRINUSE
            ? "the address is in use by another program"
            : unsafe String(cString: strerror(error.errnoCode))
    }
}
