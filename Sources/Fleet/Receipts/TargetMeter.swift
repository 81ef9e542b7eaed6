// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import Foundation

/// Reads a host's energy meters, and leaves receipts with it.
package struct TargetMeter: Sendable {
    /// What the meters show at one moment.
    package struct Reading: Hashable, Sendable {
        /// Of each processor package: a counter, and where it begins again from 0; in microjoules.
        var packages: [String: Counter] = [:]
        /// What is left in all batteries, in joules; `nil` when none is discharging.
        var batteryJoules: Double?

        struct Counter: Hashable, Sendable {
            var value: UInt64
            var range: UInt64
        }

        var hasMeters: Bool { !packages.isEmpty || batteryJoules != nil }

        /// What was used from this reading to a later one; `nil` without any meter.
        package func energy(until later: Reading) -> Energy? {
            var microjoules: UInt64 = 0
            var hasPackage = false
            for (name, start) in packages {
                guard let end = later.packages[name] else { continue }
                hasPackage = true
                microjoules &+=
                    end.value >= start.value
                    ? end.value - start.value : end.value &+ (start.range &- start.value)
            }
            var battery: Double?
            if let start = batteryJoules, let end = later.batteryJoules, start >= end {
                battery = start - end
            }
            guard hasPackage || battery != nil else { return nil }
            return Energy(
                packageJoules: hasPackage ? Double(microjoules) / 1e6 : nil,
                batteryJoules: battery
            )
        }

        /// Lines as the script prints them; what is none is passed over.
        package init(parsing text: String) {
            var batteries: [Double] = []
            for line in text.split(separator: "\n") {
                let words = line.split(separator: " ").map(String.init)
                switch (words.first, words.count) {
                case ("package", 4):
                    guard let value = UInt64(words[2]), let range = UInt64(words[3]) else { break }
                    packages[words[1]] = Counter(value: value, range: range)
                case ("battery", 2):
                    // Microwatt-hours.
                    if let left = Double(words[1]), left.isFinite, left >= 0 {
                        batteries.append(left * 3_600 / 1e6)
                    }
                default: break
                }
            }
            batteryJoules = batteries.isEmpty ? nil : batteries.reduce(0, +)
        }
    }

    private let shell: any RemoteShell
    /// Where receipts are kept on the host.
    private let folder: String

    /// - Parameters:
    ///   - shell: Of the host.
    ///   - folder: Of the state that deployments leave there; absolute.
    package init(on shell: any RemoteShell, folder: String) {
        self.shell = shell
        self.folder = folder
    }

    /// - Throws: ``RemoteFailure``.
    package func read(deadline: Duration) async throws -> Reading {
        let answer = try await shell.run(
            RemoteRequest(
                ["sh", "-s"],
                input: Array(Self.meters.utf8),
                asRoot: true,
                deadline: deadline
            )
        )
        return Reading(parsing: String(decoding: answer.output, as: UTF8.self))
    }

    /// Leaves a receipt with the host, with its energy filled in from its meters.
    ///
    /// - Parameters:
    ///   - receipt: Whole but for the energy.
    ///   - start: What the meters showed before.
    ///   - deadline: For each of the two requests.
    /// - Returns: The receipt as the host has it.
    /// - Throws: ``RemoteFailure``; ``NotKept`` where the host cannot write it.
    package func leave(
        _ receipt: Receipt,
        since start: Reading?,
        deadline: Duration
    ) async throws -> Receipt {
        var receipt = receipt
        // A host without meters is not asked for what they show.
        if let start, start.hasMeters {
            receipt.energy = start.energy(until: try await read(deadline: deadline))
        }
        let line = String(decoding: try FirnJSON.write(receipt), as: UTF8.self)
        let answer = try await shell.run(
            RemoteRequest(
                ["sh", "-c", Self.append, "sh", folder],
                input: Array("\(line)\n".utf8),
                asRoot: true,
                deadline: deadline
            )
        )
        guard answer.exitCode == 0 else {
            let said = String(decoding: answer.errors, as: UTF8.self).split(separator: "\n").last
            throw NotKept(reason: said.map(String.init) ?? "exit code \(answer.exitCode)")
        }
        return receipt
    }

    /// The host could not write the receipt; nothing else is wrong.
    package struct NotKept: Error, Hashable, CustomStringConvertible {
        package let reason: String

        package var description: String { "the host keeps no receipt: \(reason)" }
    }

    /// Powercap counts per package, and what is below a package is in it.
    ///
    /// A battery tells what is left as charge or as energy, and matters only while it discharges.
    private static let meters = #"""
        for zone in /sys/class/powercap/intel-rapl:*; do
            case ${zone##*/} in *:*:*) continue ;; esac
            value=$(cat "$zone/energy_uj" 2>/dev/null) || continue
            range=$(cat "$zone/max_energy_range_uj" 2>/dev/null) || continue
            echo "package ${zone##*/} $value $range"
        done
        for supply in /sys/class/power_supply/*; do
            [ "$(cat "$supply/type" 2>/dev/null)" = Battery ] || continue
            [ "$(cat "$supply/status" 2>/dev/null)" = Discharging ] || continue
            if left=$(cat "$supply/energy_now" 2>/dev/null); then
                echo "battery $left"
            elif left=$(cat "$supply/charge_now" 2>/dev/null) &&
                volts=$(cat "$supply/voltage_now" 2>/dev/null); then
                echo "battery $((left / 1000 * (volts / 1000)))"
            fi
        done
        exit 0
        """#

    /// Standard input to the end of the file, whose predecessor is kept when it has grown.
    private static let append = #"""
        umask 077
        mkdir -p "$1" || exit 1
        exec 9>>"$1/receipts.lock"
        flock 9 || exit 1
        if [ "$(wc -c <"$1/receipts.jsonl" 2>/dev/null || echo 0)" -gt 1000000 ]; then
            mv "$1/receipts.jsonl" "$1/receipts.old.jsonl" || exit 1
        fi
        cat >>"$1/receipts.jsonl"
        """#
}
