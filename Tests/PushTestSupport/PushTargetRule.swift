// SPDX-License-Identifier: Apache-2.0
package import NixFormat
import NixStore
package import Push
import Testing

/// One rule that every ``Push/PushTarget`` must keep.
package struct PushTargetRule: Sendable, CustomTestStringConvertible {
    /// A cache that is empty, and a look behind its counter.
    package struct Subject: Sendable {
        package let target: any PushTarget
        /// The compressed bytes of a path that readers see.
        package let file: @Sendable (StorePathHash) async throws -> [UInt8]?

        package init(
            target: any PushTarget,
            file: @escaping @Sendable (StorePathHash) async throws -> [UInt8]?
        ) {
            self.target = target
            self.file = file
        }
    }

    package let testDescription: String
    package let check: @Sendable (Subject) async throws -> Void

    package static let all: [PushTargetRule] = [
        PushTargetRule(testDescription: "who may push is let in") { subject in
            try await subject.target.checkAccess()
            try await subject.target.checkAccess()
        },
        PushTargetRule(testDescription: "what is not there is missing") { subject in
            let hashes = try (1...5).map { try FolderStore.path($0).hash }
            #expect(try await subject.target.findMissing(hashes) == Set(hashes))
        },
        PushTargetRule(testDescription: "a path is there once it is completed, not before") {
            subject in
            let path = try FolderStore.path(1)
            let sample = Sample(path, [[1, 2, 3]])
            let upload = try await subject.target.begin(path)
            let receipts = try await sample.put(to: subject.target, upload)
            #expect(try await subject.target.findMissing([path.hash]) == [path.hash])
            #expect(try await subject.file(path.hash) == nil)
            try await subject.target.complete(upload, sample.packed, receipts)
            #expect(try await subject.target.findMissing([path.hash]).isEmpty)
            #expect(try await subject.file(path.hash) == [1, 2, 3])
        },
        PushTargetRule(testDescription: "parts that come in any order are joined in theirs") {
            subject in
            let path = try FolderStore.path(2)
            let first = Array(repeating: UInt8(7), count: 5 << 20)
            let sample = Sample(path, [first, [9]])
            let upload = try await subject.target.begin(path)
            let receipts = try await sample.put(to: subject.target, upload, reversed: true)
            try await subject.target.complete(upload, sample.packed, receipts)
            let isRight = try await subject.file(path.hash) == first + [9]
            #expect(isRight)
        },
        PushTargetRule(testDescription: "of a part that is sent twice, the last one counts") {
            subject in
            let path = try FolderStore.path(3)
            let sample = Sample(path, [[4, 5]])
            let upload = try await subject.target.begin(path)
            _ = try await subject.target.put(
                UploadPart(number: 1, bytes: [0, 0, 0]),
                of: upload
            ) { _ in }
            let receipts = try await sample.put(to: subject.target, upload)
            try await subject.target.complete(upload, sample.packed, receipts)
            #expect(try await subject.file(path.hash) == [4, 5])
        },
        PushTargetRule(testDescription: "an upload may be let go twice, and nobody sees it") {
            subject in
            let path = try FolderStore.path(4)
            let sample = Sample(path, [[1]])
            let upload = try await subject.target.begin(path)
            _ = try await sample.put(to: subject.target, upload)
            await subject.target.abort(upload)
            await subject.target.abort(upload)
            #expect(try await subject.target.findMissing([path.hash]) == [path.hash])
        },
        PushTargetRule(testDescription: "what was let go cannot be completed") { subject in
            let path = try FolderStore.path(5)
            let sample = Sample(path, [[1]])
            let upload = try await subject.target.begin(path)
            let receipts = try await sample.put(to: subject.target, upload)
            await subject.target.abort(upload)
            await #expect(throws: PushTargetError.self) {
                try await subject.target.complete(upload, sample.packed, receipts)
            }
        },
        PushTargetRule(testDescription: "many paths may be sent at once") { subject in
            let paths = try (10..<40).map { try FolderStore.path($0) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for path in paths {
                    group.addTask {
                        let sample = Sample(path, [Array(path.name.utf8)])
                        let upload = try await subject.target.begin(path)
                        let receipts = try await sample.put(to: subject.target, upload)
                        try await subject.target.complete(upload, sample.packed, receipts)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await subject.target.findMissing(paths.map(\.hash)).isEmpty)
            for path in paths {
                #expect(try await subject.file(path.hash) == Array(path.name.utf8))
            }
        },
    ]

    /// A path whose compressed file is the test's.
    private struct Sample {
        let parts: [[UInt8]]
        let packed: PackedPath

        init(_ path: StorePath, _ parts: [[UInt8]]) {
            self.parts = parts
            let file = parts.flatMap { $0 }
            let hash = SHA256Hasher.hash(file)
            packed = PackedPath(
                info: PathInfo(id: 1, path: path, narHash: hash, narSizeBytes: 100),
                fileHash: hash,
                fileSizeBytes: UInt64(file.count)
            )
        }

        func put(
            to target: any PushTarget,
            _ upload: PushUpload,
            reversed: Bool = false
        ) async throws -> [PartReceipt] {
            var receipts: [PartReceipt] = []
            let numbered = Array(parts.enumerated())
            for (place, bytes) in reversed ? numbered.reversed() : numbered {
                let part = UploadPart(number: place + 1, bytes: bytes)
                receipts.append(try await target.put(part, of: upload) { _ in })
            }
            return receipts.sorted { $0.number < $1.number }
        }
    }
}
