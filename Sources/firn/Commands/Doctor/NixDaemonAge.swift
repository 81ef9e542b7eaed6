// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Whether the Nix daemon has read the configuration that is there now: it does so only at its start.
///
/// - Source: proc(5), `/proc/PID/stat`, field 22, and `/proc/stat`, `btime`.
enum NixDaemonAge {
    /// Blocks for as long as it takes to look at each process.
    ///
    /// - Returns: The file that was changed since; `nil` where none was, or no daemon runs.
    static func fileChangedSinceStart(_ environment: [String: String]) -> String? {
        let folder = environment["NIX_CONF_DIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/etc/nix"
        let file = "\(folder)/nix.conf"
        guard
            let changed = try? FileManager.default.attributesOfItem(atPath: file)[.modificationDate]
                as? Date, let start = oldestStart(), changed > start
        else { return nil }
        return file
    }

    /// Of the daemon itself: the processes that serve clients are younger.
    private static func oldestStart() -> Date? {
        guard let boot = bootTime() else { return nil }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        let starts = names.filter { UInt32($0) != nil }.compactMap { name -> Double? in
            guard let stat = text("/proc/\(name)/stat"), stat.contains("(nix-daemon)"),
                let end = stat.lastIndex(of: ")")
            else { return nil }
            let fields = stat[end...].split(separator: " ")
            // The state is field 3, and the first one here is the name's parenthesis.
            return fields.count > 20 ? Double(fields[20]) : nil
        }
        return starts.min().map { boot + $0 / ticks }
    }

    private static func bootTime() -> Date? {
        text("/proc/stat")?.split(separator: "\n").first { $0.hasPrefix("btime ") }
            .flatMap { Double($0.dropFirst(6)) }.map { Date(timeIntervalSince1970: $0) }
    }

    private static func text(_ path: String) -> String? {
        (FileManager.default.contents(atPath: path)).map { String(decoding: $0, as: UTF8.self) }
    }
}
