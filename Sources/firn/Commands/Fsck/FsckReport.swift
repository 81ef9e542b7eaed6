// SPDX-License-Identifier: Apache-2.0
import Depot
import Foundation

/// What a check found, line by line, for people or for programs.
struct FsckReport {
    let isJSON: Bool

    func opened(_ opening: DepotOpening) {
        if isJSON { return }
        if let count = opening.rebuiltObjects {
            StandardOutput.write(
                "catalog: was missing or damaged; made again from \(count) objects"
            )
        }
        if opening.unsettledObjects > 0 {
            StandardOutput.write("settled: \(opening.unsettledObjects) objects left half-way")
        }
        if opening.leftovers > 0 {
            StandardOutput.write("removed: \(opening.leftovers) unfinished files")
        }
    }

    func found(_ finding: DepotFinding) {
        guard isJSON else {
            let end = finding.isRepaired ? "; \(finding.kind.repair.done)" : ""
            let what = finding.reference.map { " \($0)" } ?? ""
            return StandardOutput.write("\(finding.name): \(finding.kind.sentence)\(what)\(end)")
        }
        write(
            Line(
                kind: finding.kind.rawValue,
                name: finding.name,
                reference: finding.reference,
                isDefect: finding.kind.isDefect,
                isRepaired: finding.isRepaired
            )
        )
    }

    func ended(_ summary: DepotCheckSummary) {
        guard isJSON else {
            let checked = "\(summary.objects) objects and \(summary.narInfos) narinfos checked"
            guard summary.defects > 0 else {
                return StandardOutput.write("\(checked); nothing is wrong")
            }
            let count = "\(summary.defects) wrong, \(summary.repaired) repaired"
            let hint = summary.repaired < summary.defects ? "; --repair mends what can be" : ""
            return StandardOutput.write("\(checked); \(count)\(hint)")
        }
        write(
            Sum(
                objects: summary.objects,
                narInfos: summary.narInfos,
                readBytes: summary.readBytes,
                defects: summary.defects,
                repaired: summary.repaired
            )
        )
    }

    private struct Line: Encodable {
        let kind: String
        let name: String
        let reference: String?
        let isDefect: Bool
        let isRepaired: Bool

        private enum CodingKeys: String, CodingKey {
            case kind, name, reference
            case isDefect = "is-defect"
            case isRepaired = "is-repaired"
        }
    }

    private struct Sum: Encodable {
        let objects: Int
        let narInfos: Int
        let readBytes: UInt64
        let defects: Int
        let repaired: Int

        private enum CodingKeys: String, CodingKey {
            case objects, narInfos, defects, repaired
            case readBytes = "read-bytes"
        }
    }

    private func write(_ body: some Encodable) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let bytes = try? encoder.encode(body) else { return }
        StandardOutput.write(String(decoding: bytes, as: UTF8.self))
    }
}

extension DepotFinding.Kind {
    /// What is wrong, after the name and a colon.
    fileprivate var sentence: String {
        switch self {
        case .uncataloguedObject: "is not in the catalog"
        case .missingObject: "is in the catalog and not on the disk"
        case .damagedObject: "is damaged"
        case .wrongFileHash: "is right, and its hash in the catalog is not"
        case .objectWithoutNARInfo: "has no narinfo: only its URL finds it"
        case .danglingNARInfo: "names an object that is not there"
        case .unreadableNARInfo: "is no narinfo of that path"
        case .inexactNARInfo: "has another file hash or size than its object"
        case .missingNARInfo: "is in the catalog and not on the disk"
        case .wrongNARSize: "has another size for its NAR than that has"
        case .unsignedNARInfo: "is not signed by its cache's key; push the path again"
        case .missingReference: "refers to a path that neither its cache nor an upstream has:"
        case .miscountedNARInfo: "is counted with another length than it has"
        case .leftover: "is left over from a write that was never finished"
        case .foreignFile: "is not Firn's; left alone"
        }
    }
}

extension DepotFinding.Repair {
    fileprivate var done: String {
        switch self {
        case .takeIntoCatalog: "taken into the catalog"
        case .forget: "forgotten"
        case .remove: "removed"
        case .correct: "corrected"
        case .hide: "removed, with what refers to it"
        case .byHand, .leaveAlone: "left alone"
        }
    }
}
