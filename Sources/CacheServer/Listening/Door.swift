// SPDX-License-Identifier: Apache-2.0
import Glibc
import HummingbirdCore
import Logging
import NIOCore
import NIOExtras
import NIOPosix

/// One bound address.
protocol Door: Sendable {
    /// With the port that the kernel chose, where it was left to it.
    var address: ListenAddress { get }
    /// Accepts and answers until the socket is closed and the last connection has ended.
    func serve() async
    /// Accepts no more, and lets what is being answered finish.
    func quiesce()
    func close()
}

/// What every new connection gets before the framework's own handlers.
struct ConnectionSetup: Sendable {
    let configuration: ServerConfiguration
    let registry: ConnectionRegistry
    let lane: (@Sendable (ConnectionGuard) -> FastLane)?
    let logger: Logger

    func prepare(_ channel: any Channel) throws {
        guard registry.admit(channel) else { throw ConnectionsExhausted() }
        let connectionGuard = ConnectionGuard(
            idleTimeout: configuration.idleTimeout,
            headTimeout: lane == nil ? nil : configuration.headTimeout
        )
        try channel.pipeline.syncOperations.addHandler(connectionGuard)
        if let lane { try channel.pipeline.syncOperations.addHandler(lane(connectionGuard)) }
    }
}

struct ConnectionsExhausted: Error {}

/// A bound address whose connections speak what `Child` sets up.
struct BoundDoor<Child: ServerChildChannel>: Door {
    let address: ListenAddress
    private let child: Child
    private let socket: NIOAsyncChannel<Child.Value, Never>
    // One helper closes one listening socket.
    private let quiescing: ServerQuiescingHelper
    private let logger: Logger

    init(
        _ address: ListenAddress,
        _ child: Child,
        _ connections: ConnectionSetup,
        _ group: MultiThreadedEventLoopGroup
    ) async throws {
        let logger = connections.logger
        let quiescing = ServerQuiescingHelper(group: group)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(
                .recvAllocator,
                value: FixedSizeRecvByteBufferAllocator(capacity: 4096)
            )
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = quiescing.makeServerChannelHandler(channel: channel)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
        socket = try await Self.bind(bootstrap, to: address, connections) { channel in
            channel.eventLoop.makeCompletedFuture { try connections.prepare(channel) }
                .flatMap { child.setup(channel: channel, logger: logger) }
        }
        self.address = Self.bound(address, socket.channel)
        self.child = child
        self.quiescing = quiescing
        self.logger = logger
    }

    func serve() async {
        await withDiscardingTaskGroup { tasks in
            do {
                try await socket.executeThenClose { inbound in
                    for try await connection in inbound {
                        tasks.addTask { await child.handle(value: connection, logger: logger) }
                    }
                }
            } catch {
                logger.error("stopped accepting", metadata: ["cause": "\(error)"])
            }
        }
    }

    func quiesce() { quiescing.initiateShutdown(promise: nil) }

    func close() { socket.channel.close(promise: nil) }

    @concurrent
    private static func bind(
        _ bootstrap: ServerBootstrap,
        to address: ListenAddress,
        _ connections: ConnectionSetup,
        _ setup: @escaping @Sendable (any Channel) -> EventLoopFuture<Child.Value>
    ) async throws -> NIOAsyncChannel<Child.Value, Never> {
        switch address {
        case .tcp(let host, let port):
            // An address is no name to look up: where no interface but loopback speaks IPv6, the
            // resolver knows no `::`, and it can be listened on all the same.
            if let address = try? SocketAddress(ipAddress: host, port: port) {
                return try await bootstrap.bind(to: address, childChannelInitializer: setup)
            }
            return try await bootstrap.bind(host: host, port: port, childChannelInitializer: setup)
        case .unix(let path):
            try refuseLiveSocket(path)
            let bound = try await bootstrap.bind(
                unixDomainSocketPath: path,
                cleanupExistingSocketFile: true,
                childChannelInitializer: setup
            )
            unsafe chmod(path, connections.configuration.unixSocketMode)
            return bound
        case .inherited(let descriptor):
            return try await bootstrap.bind(descriptor, childChannelInitializer: setup)
        }
    }

    /// A socket file that nobody answers on is left over from a crash; one that is answered is taken.
    private static func refuseLiveSocket(_ path: String) throws {
        let probe = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard probe >= 0 else { return }
        defer { Glibc.close(probe) }
        let isTaken = try unsafe SocketAddress(unixDomainSocketPath: path).withSockAddr {
            pointer,
            size in
            unsafe connect(probe, pointer, socklen_t(size)) == 0
        }
        if isTaken { throw IOError(errnoCode: EADDRINUSE, reason: "bind") }
    }

    private static func bound(_ address: ListenAddress, _ channel: any Channel) -> ListenAddress {
        guard case .tcp(let host, _) = address, let port = channel.localAddress?.port else {
            return address
        }
        return .tcp(host: host, port: port)
    }
}
