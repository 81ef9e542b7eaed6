// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// Resident memory while a hundred clients read the largest NAR slowly, out of the store.
enum SlowStreams {
    private static let count = 100

    static func measure(
        _ files: ClosureFiles,
        _ firn: FirnServer
    ) async throws -> String {
        guard let largest = files.largest, largest.narSizeBytes > 64 << 20,
            let before = firn.process.residentBytes
        else { return "memory of firn: not measured, no NAR of the closure has 64 MiB" }
        let request = HTTPRequest("/nar/\(largest.fileName(.identity))").bytes
        let port = firn.port
        let process = firn.process
        let peak = try await onOwnThread {
            let sockets = try (0..<count).map { _ in
                let socket = try StreamSocket.connect(port: port, receiveBufferBytes: 65_536)
                try socket.write(request)
                return socket
            }
            var peak = 0
            for _ in 0..<40 {
                for socket in sockets { _ = try socket.read(upTo: 32_768) }
                peak = max(peak, process.residentBytes ?? 0)
            }
            return peak
        }
        let verdict = peak < 100_000_000 ? "met" : "MISSED"
        return """
            memory of firn: \(before / 1_000_000) MB resident before, \(peak / 1_000_000) MB \
            with \(count) slow streams (bar: < 100 MB, \(verdict))
            """
    }
}
