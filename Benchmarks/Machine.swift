// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// What the figures were measured on; they mean nothing on another machine.
enum Machine {
    static var description: String {
        get async {
            let cores = ProcessInfo.processInfo.activeProcessorCount
            let memory = ProcessInfo.processInfo.physicalMemory >> 30
            let version = try? await Command("nginx", ["-v"]).run(deadline: .seconds(10)).errors
            let nginx = version?.split(separator: "/").last?.split(separator: " ").first ?? "?"
            return "machine: \(cores) cores, \(memory) GiB; nginx \(nginx)"
                .trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }
}
