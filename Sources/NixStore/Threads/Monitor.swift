// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A value behind a lock, with a condition to wait for; `Mutex` has none.
///
// SAFETY: the value is only touched while the mutex is held, and both C objects live in memory of
// their own that is never moved and goes only with the last reference.
@safe
final class Monitor<Value>: @unchecked Sendable {
    private var value: Value
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(_ value: Value) {
        self.value = value
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        // Without this a step of the wall clock would move every deadline.
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe condition.initialize(to: pthread_cond_t())
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&value)
    }

    /// Calls `body` until it returns something, sleeping in between until the monitor is signalled
    /// or the moment that `wakeAt` names has come.
    func wait<Result>(
        wakeAt: (Value) -> MonotonicInstant? = { _ in nil },
        until body: (inout Value) -> Result?
    ) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&value) { return result }
            if let instant = wakeAt(value) {
                var moment = instant.timeSpecification
                unsafe pthread_cond_timedwait(condition, mutex, &moment)
            } else {
                unsafe pthread_cond_wait(condition, mutex)
            }
        }
    }

    func signal() { unsafe pthread_cond_signal(condition) }

    func signalAll() { unsafe pthread_cond_broadcast(condition) }
}

/// A moment of the clock that only goes forward, in nanoseconds.
struct MonotonicInstant: Comparable, Sendable {
    let nanoseconds: Int64

    static var now: Self {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Self(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    static func after(_ duration: Duration) -> Self { now.advanced(by: duration) }

    var hasPassed: Bool { Self.now >= self }

    var timeSpecification: timespec {
        timespec(
            tv_sec: Int(nanoseconds / 1_000_000_000),
            tv_nsec: Int(nanoseconds % 1_000_000_000)
        )
    }

    func advanced(by duration: Duration) -> Self {
        let (seconds, attoseconds) = duration.components
        // A century is as good as forever, and does not overflow.
        let bounded = min(max(seconds, 0), 100 * 365 * 86_400)
        let distance = bounded * 1_000_000_000 + attoseconds / 1_000_000_000
        return Self(nanoseconds: nanoseconds + distance)
    }

    static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }
}
