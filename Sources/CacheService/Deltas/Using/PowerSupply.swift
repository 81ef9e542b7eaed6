// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// Whether this machine runs on its battery, as the kernel tells.
final class PowerSupply: Sendable {
    private static let lifetime = Duration.seconds(30)

    private let directory: String
    private let known = Mutex<(isOnBattery: Bool, at: ContinuousClock.Instant)?>(nil)

    init(directory: String = "/sys/class/power_supply") {
        self.directory = directory
    }

    /// Looked up now and then; a machine without a battery never is.
    var isOnBattery: Bool {
        let now = ContinuousClock.now
        if let known = known.withLock({ $0 }), known.at + Self.lifetime > now {
            return known.isOnBattery
        }
        let isOnBattery = look()
        known.withLock { $0 = (isOnBattery, now) }
        return isOnBattery
    }

    private func look() -> Bool {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.contains { name in
            word("type", of: name) == "Battery" && word("status", of: name) == "Discharging"
                // That of a mouse says nothing of the machine.
                && word("scope", of: name) != "Device"
        }
    }

    private func word(_ file: String, of name: String) -> String? {
        let text = try? String(contentsOfFile: "\(directory)/\(name)/\(file)", encoding: .utf8)
        return text?.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
