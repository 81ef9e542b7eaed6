// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization

extension DepotCheck {
    /// A narinfo whose URL is not that of an object of ours belongs to another program that shares
    /// the directory: a standard binary cache may hold both.
    func check(narInfo hash: StorePathHash) throws {
        let name = "\(TextName.narInfo(hash))"
        summary.narInfos += 1
        switch try depot.state(ofNARInfo: hash) {
        case .good:
            guard narSizeBytes != nil,
                let narInfo = try depot.objects.read(.narInfo(hash)).flatMap({ depot.parse($0) }),
                let row = try narInfo.objectKey.flatMap({ try depot.catalog.find($0) }),
                try !hasRightSize(narInfo, row)
            else { return }
            try found(.wrongNARSize, name) { try remove(hash, .good) }
        case .foreign: try found(.foreignFile, name)
        case .unreadable: try found(.unreadableNARInfo, name) { try remove(hash, .unreadable) }
        case .dangling: try found(.danglingNARInfo, name) { try remove(hash, .dangling) }
        case .inexact(let kept):
            try found(.inexactNARInfo, name) {
                try depot.changeNARInfo(of: hash) { kept } != nil
            }
        }
    }

    private func remove(_ hash: StorePathHash, _ state: NARInfoState) throws -> Bool {
        try depot.removeNARInfo(hash, ifStill: state)
    }
}

/// What a check finds of a narinfo.
enum NARInfoState: Equatable {
    case good
    case foreign
    case unreadable
    case dangling
    /// With what it should be.
    case inexact(KeptNARInfo)
}

extension NARDepot {
    func state(ofNARInfo hash: StorePathHash) throws -> NARInfoState {
        let first = try look(atNARInfo: hash)
        guard first != .good, first != .foreign else { return first }
        // An object that is just coming or going has, or had, its narinfo without being found.
        departures.withLock { _ in }
        return try narInfoLocks.withLock(hash) { try look(atNARInfo: hash) }
    }

    func removeNARInfo(_ hash: StorePathHash, ifStill state: NARInfoState) throws -> Bool {
        let freed: UInt64? = try narInfoLocks.withLock(hash) {
            guard try look(atNARInfo: hash) == state else { return nil }
            try objects.remove(.narInfo(hash))
            return try recountNARInfo(hash).before
        }
        guard let freed else { return false }
        ledger.forget(freed)
        try objects.sync()
        return true
    }

    private func look(atNARInfo hash: StorePathHash) throws -> NARInfoState {
        guard let text = try objects.read(.narInfo(hash)) else { return .good }
        guard let narInfo = parse(text), narInfo.storePath.hash == hash else { return .unreadable }
        guard let key = narInfo.objectKey else { return .foreign }
        guard let status = try objects.find(key) else { return .dangling }
        guard key.storeHash == hash, key.narHash == narInfo.narHash else { return .unreadable }
        // Without a row there is nothing to hold it against, and adopting it is another finding.
        guard let entry = try catalog.find(key), let fileHash = entry.record.fileHash,
            entry.sizeBytes == status.sizeBytes
        else { return .good }
        let object = ObjectInfo(key: key, sizeBytes: entry.sizeBytes, fileHash: fileHash)
        guard narInfo.describes(object) else { return .unreadable }
        let exact = narInfo.naming(object)
        return exact == narInfo ? .good : .inexact(KeptNARInfo(narInfo: exact, object: object))
    }
}
