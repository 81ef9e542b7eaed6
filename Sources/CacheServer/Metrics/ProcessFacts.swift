// SPDX-License-Identifier: Apache-2.0
import Glibc

/// What the kernel says about this process.
enum ProcessFacts {
    /// Seconds since 1970, to the millisecond.
    static func unixTime() -> Double {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec / 1_000_000) / 1000
    }

    /// Bytes of memory that are in RAM.
    ///
    /// - Returns: `nil` where there is no `/proc`.
    /// - Source: proc_pid_statm(5): the second number, in pages.
    static func residentMemoryBytes() -> UInt64? {
        let descriptor = unsafe open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe read(descriptor, buffer.baseAddress, buffer.count)
        }
        guard count > 0 else { return nil }
        let numbers = bytes.prefix(count).split(separator: UInt8(ascii: " "))
        guard numbers.count > 1 else { return nil }
        return UInt64(String(decoding: numbers[1], as: UTF8.self))
            .map { $0 * UInt64(sysconf(Int32(_SC_PAGESIZE))) }
    }
}
