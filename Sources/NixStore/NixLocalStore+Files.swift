// SPDX-License-Identifier: Apache-2.0
import Glibc
import Logging
package import NixFormat
import Synchronization

extension NixLocalStore {
    package func openNAR(_ info: PathInfo, range: Range<UInt64>?) throws -> NARReader {
        let lease = roots.lease(info.path)
        let root = layout.realPath(of: info.path)
        guard FileStatus.exists(root) else { throw NARReadError.pathVanished(info.path) }
        let reader = try NARReader(
            info,
            root: root,
            range: range,
            observer: self,
            lease: lease
        )
        counters.narsOpened.add(1, ordering: .relaxed)
        return reader
    }

    package func listing(_ info: PathInfo) throws -> NARListing {
        let lease = roots.lease(info.path)
        defer { withExtendedLifetime(lease) {} }
        let root = layout.realPath(of: info.path)
        guard FileStatus.exists(root) else { throw NARReadError.pathVanished(info.path) }
        do {
            let (listing, size) = try StoreListing.make(root: root)
            guard size == info.narSizeBytes else {
                throw NARReadError.sizeMismatch(
                    info.path,
                    expectedBytes: info.narSizeBytes,
                    actualBytes: size
                )
            }
            return listing
        } catch let error as TreeFailure {
            throw error.explained(for: info, root: root)
        }
    }

    package func openLog(of derivation: StorePath) throws -> BuildLog? {
        try BuildLogFiles(directory: layout.logDirectory).open(derivation)
    }

    package func openFile(in path: StorePath, at components: [[UInt8]]) throws -> StoreFile? {
        try ConfinedDirectory(path: layout.realPath(of: path)).open(components)
    }
}

extension NixLocalStore: NARReadObserver {
    package func narReaderDidRead(_ count: Int) {
        counters.bytesRead.add(UInt64(count), ordering: .relaxed)
    }

    package func narReaderDidFail(_ info: PathInfo, _ error: any Error) {
        guard let error = error as? NARReadError, error.meansDamage else { return }
        if error.isMismatch { counters.hashMismatches.add(1, ordering: .relaxed) }
        guard badPaths.mark(info) else { return }
        counters.badPaths.add(1, ordering: .relaxed)
        logger.error(
            "a store path is damaged and not served until it is repaired",
            metadata: ["path": "\(info.path)", "error": "\(error)"]
        )
    }
}

extension NARReadError {
    /// Whether it is the files that are wrong, and not this process or this request.
    package var meansDamage: Bool {
        switch self {
        case .hashMismatch, .sizeMismatch, .shortFile, .unsupportedFile: true
        case .inputOutput(_, _, let code): ![EMFILE, ENFILE, ENOMEM, EINTR, EAGAIN].contains(code)
        case .pathVanished, .rangeOutOfBounds: false
        }
    }

    fileprivate var isMismatch: Bool {
        switch self {
        case .hashMismatch, .sizeMismatch: true
        default: false
        }
    }
}
