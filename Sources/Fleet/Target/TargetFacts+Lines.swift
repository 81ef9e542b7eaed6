// SPDX-License-Identifier: Apache-2.0
import Foundation
import NixFormat

extension TargetFacts {
    /// Reads what the programme wrote; lines that it does not know are passed over.
    init(_ lines: [String], store: StoreDirectory) {
        for line in lines {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            take(words[0], words.count > 1 ? words[1] : "", store)
        }
        generations.sort { $0.number < $1.number }
    }

    private mutating func take(_ word: String, _ value: String, _ store: StoreDirectory) {
        let path = try? store.storePath(parsing: value)
        switch word {
        case "node": nodeName = value
        case "system": system = value.isEmpty ? nil : value
        case "kinds": kinds.formUnion(value.split(separator: " ").map(String.init))
        case "nix": nixVersion = value.split(separator: " ").last.map(String.init)
        case "user":
            user = value
            isRoot = value == "root" || isRoot
        case "uid": isRoot = value == "0"
        case "boot": bootIdentifier = value.isEmpty ? nil : value
        case "systemd": hasSystemd = value == "1"
        case "running": running = path
        case "booted": booted = path
        case "profile": profile = path
        case "generation": generation = Int(value)
        case "kept": takeGeneration(value, store)
        case "restart": needsRestart = value == "1"
        case "lease": lease = TargetLease(line: value)
        case "unsettled": takeUnsettled(value)
        case "lineage": takeLineage(value, store)
        case "outcome": takeOutcome(value, store)
        case "store-free": storeFreeBytes = Int(value).map { $0 * 1024 }
        case "boot-free": bootFreeBytes = Int(value).map { $0 * 1024 }
        case "failed": failedUnits.append(value)
        case "agent": agentAddress = PullTier.isAddress(value) ? value : nil
        case "programme": lacksProgramme = value == "0"
        case "meters": hasMeters = value == "1"
        case "battery": isOnBattery = value == "1"
        default: break
        }
    }

    /// `NUMBER SECONDS PATH`; 0 seconds where the time is not known.
    private mutating func takeGeneration(_ value: String, _ store: StoreDirectory) {
        let words = value.split(separator: " ").map(String.init)
        guard words.count == 3, let number = Int(words[0]), let seconds = Int(words[1]),
            let path = try? store.storePath(parsing: words[2])
        else { return }
        let made = seconds > 0 ? Date(timeIntervalSince1970: Double(seconds)) : nil
        generations.append(Generation(number: number, path: path, made: made))
    }

    private mutating func takeUnsettled(_ value: String) {
        let words = value.split(separator: " ").map(String.init)
        guard let token = words.first.flatMap(DeployToken.init(parsing:)) else { return }
        unsettled.append(UnsettledDeploy(token: token, phase: words.dropFirst().first ?? ""))
    }

    private mutating func takeLineage(_ value: String, _ store: StoreDirectory) {
        let words = value.split(separator: " ", maxSplits: 1).map(String.init)
        guard words.count == 2, let path = try? store.storePath(parsing: words[0]) else { return }
        lineages[path] = words[1]
    }

    private mutating func takeOutcome(_ value: String, _ store: StoreDirectory) {
        let words = value.split(separator: " ", maxSplits: 1).map(String.init)
        guard words.count == 2, let token = DeployToken(parsing: words[0]) else { return }
        lastOutcome = SwitchOutcome(JournalFields(words[1]), token, store)
    }
}
