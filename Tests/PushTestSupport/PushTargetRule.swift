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

        func isMissing(_ info: PathInfo) async throws -> Bool {
            try await !target.findNeeds(of: [info]).isEmpty
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
            let infos = try (1...5).map { try Sample(number: $0, sizeBytes: 10).info }
            let needs = try await subject.target.findNeeds(of: infos)
            #expect(Set(needs.keys) == Set(infos.map(\.path.hash)))
            #expect(needs.values.allSatisfy { $0 == .send })
        },
        PushTargetRule(testDescription: "a path is there once it is committed, not before") {
            subject in
            let sample = try Sample(number: 1, sizeBytes: 1_000)
            let staged = try await sample.upload(to: subject.target)
            #expect(try await subject.isMissing(sample.info))
            #expect(try await subject.file(sample.info.path.hash) == nil)
            #expect(try await subject.target.commit([staged]) == [.there])
            #expect(try await !subject.isMissing(sample.info))
            #expect(try await subject.file(sample.info.path.hash) == sample.file)
        },
        PushTargetRule(testDescription: "parts that come in any order are joined in theirs") {
            subject in
            let sample = try Sample(number: 2, sizeBytes: 6 << 20)
            let staged = try await sample.upload(
                to: subject.target,
                partBytes: 5 << 20,
                reversed: true
            )
            #expect(try await subject.target.commit([staged]) == [.there])
            let isRight = try await subject.file(sample.info.path.hash) == sample.file
            #expect(isRight)
        },
        PushTargetRule(testDescription: "a part may be sent twice") { subject in
            let sample = try Sample(number: 3, sizeBytes: 500)
            let upload = try await subject.target.begin(sample.info, encoder: Sample.encoder)
            _ = try await sample.put(to: subject.target, upload)
            let staged = try await sample.upload(to: subject.target, upload)
            #expect(try await subject.target.commit([staged]) == [.there])
            #expect(try await subject.file(sample.info.path.hash) == sample.file)
        },
        PushTargetRule(testDescription: "where uploads do not go on, the last one counts") {
            subject in
            // Others verify what comes as it comes.
            guard !subject.target.limits.resumesUploads else { return }
            let sample = try Sample(number: 7, sizeBytes: 500)
            let upload = try await subject.target.begin(sample.info, encoder: Sample.encoder)
            let other = UploadPart(
                number: 1,
                offsetBytes: 0,
                bytes: Array(sample.file.reversed())
            )
            _ = try await subject.target.put(other, of: upload) { _ in }
            let staged = try await sample.upload(to: subject.target, upload)
            #expect(try await subject.target.commit([staged]) == [.there])
            #expect(try await subject.file(sample.info.path.hash) == sample.file)
        },
        PushTargetRule(testDescription: "an upload may be let go twice, and nobody sees it") {
            subject in
            let sample = try Sample(number: 4, sizeBytes: 10)
            let upload = try await subject.target.begin(sample.info, encoder: Sample.encoder)
            _ = try await sample.put(to: subject.target, upload)
            await subject.target.abort(upload)
            await subject.target.abort(upload)
            #expect(try await subject.isMissing(sample.info))
        },
        PushTargetRule(testDescription: "what was let go cannot be committed") { subject in
            let sample = try Sample(number: 5, sizeBytes: 10)
            let upload = try await subject.target.begin(sample.info, encoder: Sample.encoder)
            let receipts = try await sample.put(to: subject.target, upload)
            await subject.target.abort(upload)
            let staged = StagedPath(
                sample.packed(hashed: subject.target.limits.wantsFileHashes),
                by: .upload(upload, receipts: receipts)
            )
            let answers = try await subject.target.commit([staged])
            #expect(answers.count == 1 && answers != [.there])
            #expect(try await subject.isMissing(sample.info))
        },
        PushTargetRule(testDescription: "an upload that goes on keeps what has arrived") {
            subject in
            guard subject.target.limits.resumesUploads else { return }
            let sample = try Sample(number: 6, sizeBytes: 6 << 20)
            let first = try await subject.target.begin(sample.info, encoder: Sample.encoder)
            #expect(first.arrived == [])
            let parts = sample.parts(of: 5 << 20, hashed: false)
            _ = try await subject.target.put(parts[1], of: first) { _ in }
            let again = try await subject.target.begin(sample.info, encoder: Sample.encoder)
            #expect(again.name == first.name)
            #expect(again.arrived == [parts[1].offsetBytes..<UInt64(sample.file.count)])
            let size = UInt64(sample.file.count)
            #expect(try await !subject.target.finish(again, fileSizeBytes: size))
            _ = try await subject.target.put(parts[0], of: again) { _ in }
            #expect(try await subject.target.finish(again, fileSizeBytes: size))
            let staged = StagedPath(
                sample.packed(hashed: false),
                by: .upload(again, receipts: [])
            )
            #expect(try await subject.target.commit([staged]) == [.there])
            let other = try await subject.target.begin(sample.info, encoder: "another one")
            #expect(other.name != first.name)
            await subject.target.abort(other)
        },
        PushTargetRule(testDescription: "many paths may be sent at once") { subject in
            let samples = try (10..<40).map { try Sample(number: $0, sizeBytes: 100 * $0) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for sample in samples {
                    group.addTask {
                        let staged = try await sample.upload(to: subject.target)
                        #expect(try await subject.target.commit([staged]) == [.there])
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await subject.target.findNeeds(of: samples.map(\.info)).isEmpty)
            for sample in samples {
                #expect(try await subject.file(sample.info.path.hash) == sample.file)
            }
        },
        PushTargetRule(testDescription: "many small paths may travel together") { subject in
            guard subject.target.limits.bundle != nil else { return }
            let samples = try (50..<90).map { try Sample(number: $0, sizeBytes: 100 * $0) }
            let smalls = samples.map {
                SmallNAR(packed: $0.packed(hashed: false), bytes: $0.file)
            }
            let refusals = try await subject.target.send(smalls) { _ in }
            #expect(refusals == smalls.map { _ in nil })
            let staged = smalls.map { StagedPath($0.packed, by: .bundle) }
            let answers = try await subject.target.commit(staged)
            #expect(answers == smalls.map { _ in .there })
            for sample in samples {
                #expect(try await subject.file(sample.info.path.hash) == sample.file)
            }
        },
        PushTargetRule(testDescription: "what a commit lacks is told for each path") { subject in
            guard subject.target.limits.bundle != nil else { return }
            let absent = try Sample(number: 91, sizeBytes: 10)
            let sample = try Sample(number: 92, sizeBytes: 10)
            let needy = try Sample(number: 93, sizeBytes: 10, references: [absent.info.path])
            let smalls = [sample, needy].map {
                SmallNAR(packed: $0.packed(hashed: false), bytes: $0.file)
            }
            _ = try await subject.target.send(smalls) { _ in }
            let staged = [absent, needy, sample].map {
                StagedPath($0.packed(hashed: false), by: .bundle)
            }
            let answers = try await subject.target.commit(staged)
            #expect(answers.first == .absent)
            #expect(answers.last == .there)
            let isLacking = if case .lacking = answers[1] { true } else { false }
            #expect(isLacking, "\(answers)")
            #expect(try await subject.isMissing(needy.info))
        },
    ]
}
