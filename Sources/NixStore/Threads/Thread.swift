// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// A thread of the operating system.
enum Thread {
    private final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts a thread that nobody joins; it ends when `body` returns.
    ///
    /// - Parameters:
    ///   - name: At most 15 bytes; the kernel cuts off the rest.
    ///   - body: Runs once.
    static func start(name: String, _ body: @escaping @Sendable () -> Void) {
        // SAFETY: retained here, released once by the new thread, which is the only one to see it.
        let start = unsafe Unmanaged.passRetained(Start(name: name, body: body))
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        defer { unsafe pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let code = unsafe pthread_create(
            &thread,
            &attributes,
            { context in
                guard let context = unsafe context else { return nil }
                let start = unsafe Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
                unsafe firn_name_thread(start.name)
                start.body()
                return nil
            },
            start.toOpaque()
        )
        precondition(code == 0, "the system has no thread left: \(code)")
    }
}
