// SPDX-License-Identifier: Apache-2.0
import Glibc
package import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// Tells systemd that the daemon is ready, alive and stopping, where systemd has asked for it.
///
/// - Source: sd_notify(3) and systemd.service(5), `Type=notify` and `WatchdogSec=`.
package struct ServiceNotifier: Service {
    private let socketPath: String?
    private let watchdogInterval: Duration?
    private let logger: Logger

    /// Looks at `NOTIFY_SOCKET` and `WATCHDOG_USEC` of the environment.
    package init(environment: [String: String], logger: Logger) {
        socketPath = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
        watchdogInterval = environment["WATCHDOG_USEC"].flatMap(Int64.init)
            .map { .microseconds($0 / 2) }
        self.logger = logger
    }

    package func ready() { send("READY=1") }

    package func reloading() {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        send("RELOADING=1\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1000)")
    }

    /// Sends the signs of life until the daemon stops.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                if watchdogInterval != nil, await everyLoopAnswers() { send("WATCHDOG=1") }
                try? await Task.sleep(for: watchdogInterval ?? .seconds(3600))
            }
        }
        send("STOPPING=1")
    }

    /// One loop that hangs is enough to hang its share of the clients.
    private func everyLoopAnswers() async -> Bool {
        for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() {
            do {
                try await loop.submit {}.get()
            } catch {
                return false
            }
        }
        return true
    }

    private func send(_ message: String) {
        guard let socketPath else { return }
        let descriptor = socket(
            AF_UNIX,
            Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue),
            0
        )
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // A leading @ stands for the NUL of an abstract name.
        var name = Array(socketPath.utf8)
        if name.first == UInt8(ascii: "@") { name[0] = 0 }
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { path in
            unsafe path.copyBytes(from: name)
        }
        let size = MemoryLayout<sa_family_t>.size + name.count
        let sent = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe sendto(descriptor, message, message.utf8.count, 0, pointer, socklen_t(size))
            }
        }
        if sent < 0 { logger.warning("systemd not told", metadata: ["errno": "\(errno)"]) }
    }
}
