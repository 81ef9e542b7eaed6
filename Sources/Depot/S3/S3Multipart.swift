// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Foundation
import NixFormat
import Synchronization

/// A few requests at a time, on threads that may wait for them.
final class S3Workers: Sendable {
    private let queue = DispatchQueue(label: "firn.s3", attributes: .concurrent)
    private let slots: DispatchSemaphore

    init(atOnce count: Int) { slots = DispatchSemaphore(value: count) }

    /// Waits until one of the slots is free: whoever brings work is slowed down to what is done.
    func run(in group: DispatchGroup? = nil, _ work: @escaping @Sendable () -> Void) {
        slots.wait()
        queue.async(group: group) { [slots] in
            work()
            slots.signal()
        }
    }
}

/// An object that goes up in parts, several at a time; nobody sees it before it is complete.
///
/// - Source: Amazon S3 User Guide, "Multipart upload limits": 10,000 parts, 5 MiB to 5 GiB each.
final class S3Multipart: Sendable {
    static let maximumParts = 10_000
    static let maximumBytes: UInt64 = 5 << 40

    let name: String
    let id: String
    fileprivate let client: S3Client
    private let workers: S3Workers
    private let group = DispatchGroup()
    fileprivate let state = Mutex(State())

    fileprivate struct State {
        var entityTags: [Int: String] = [:]
        var sizeBytes: UInt64 = 0
        var failure: (any Error)?
    }

    init(_ name: String, client: S3Client, workers: S3Workers) throws {
        var request = S3Client.Request(method: "POST", name: name)
        request.query = [("uploads", "")]
        request.operation = "write objects (s3:PutObject)"
        request.headers = ["content-type": "application/x-nix-nar"]
        request.isCheckedForErrors = true
        let text = try client.perform(request).text
        guard let id = S3Text.first("UploadId", in: text), !id.isEmpty else {
            throw S3Problem.unreadable("an upload without an id")
        }
        self.name = name
        self.id = id
        self.client = client
        self.workers = workers
    }

    /// How large a part is: parts grow, so that few are enough for the largest object and small
    /// ones do not wait for much.
    ///
    /// `number`: From 0 on.
    static func partBytes(_ number: Int, base: UInt64) -> UInt64 {
        switch number {
        case ..<1000: base
        case ..<4000: base * 4
        default: base * 64
        }
    }

    /// Sends a part, after waiting for a free connection but not for its end.
    ///
    /// `number`: From 0 on; each once.
    /// `onStored`: Called when it is stored.
    /// - Throws: What a part before it has failed with.
    func add(
        _ number: Int,
        _ body: S3Body,
        onStored: @escaping @Sendable () -> Void = {}
    ) throws {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            state.sizeBytes += body.sizeBytes
        }
        workers.run(in: group) { [self] in
            do {
                guard state.withLock({ $0.failure == nil }) else { return }
                let tag = try send(number, body)
                state.withLock { $0.entityTags[number] = tag }
                onStored()
            } catch {
                state.withLock { $0.failure = $0.failure ?? error }
            }
        }
    }

    private func send(_ number: Int, _ body: S3Body) throws -> String {
        var request = S3Client.Request(method: "PUT", name: name)
        request.query = [("partNumber", "\(number + 1)"), ("uploadId", id)]
        request.operation = "write objects (s3:PutObject)"
        request.body = body
        guard let tag = try client.perform(request).header("etag") else {
            throw S3Problem.unreadable("a part without an entity tag")
        }
        return tag
    }

    /// Waits until every part is stored.
    func wait() throws {
        group.wait()
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    /// Shows the object.
    ///
    /// - Returns: What is there then.
    func complete() throws -> S3Status {
        try wait()
        let (tags, sizeBytes) = state.withLock { ($0.entityTags, $0.sizeBytes) }
        let parts = tags.sorted { $0.key < $1.key }.map { number, tag in
            "<Part><PartNumber>\(number + 1)</PartNumber><ETag>\(S3Text.encode(tag))</ETag></Part>"
        }
        var request = S3Client.Request(method: "POST", name: name)
        request.query = [("uploadId", id)]
        request.operation = "write objects (s3:PutObject)"
        request.body = .bytes(
            Array("<CompleteMultipartUpload>\(parts.joined())</CompleteMultipartUpload>".utf8)
        )
        request.isCheckedForErrors = true
        do {
            _ = try client.perform(request)
        } catch S3Problem.failed(404, _) {
            // The answer of an earlier attempt was lost: what is there now tells.
        }
        guard let status = try client.head(name), status.sizeBytes == sizeBytes else {
            throw S3Problem.damaged(name)
        }
        return status
    }

    /// Gives up what is stored of it; what cannot be given up now is a leftover.
    func abort() {
        group.wait()
        try? Self.abort(name, id, client)
    }

    static func abort(_ name: String, _ id: String, _ client: S3Client) throws {
        var request = S3Client.Request(method: "DELETE", name: name)
        request.query = [("uploadId", id)]
        request.operation = "give up uploads (s3:AbortMultipartUpload)"
        request.accepted = [200, 204, 404]
        _ = try client.perform(request)
    }

    /// Uploads beneath a folder that were begun and not completed.
    static func list(_ folder: String, _ client: S3Client) throws -> [(name: String, id: String)] {
        var result: [(String, String)] = []
        var marker: (key: String, id: String)?
        let prefix = client.location.prefix
        repeat {
            var request = S3Client.Request()
            request.query = [("uploads", ""), ("prefix", prefix + folder)]
            if let marker {
                request.query += [("key-marker", marker.key), ("upload-id-marker", marker.id)]
            }
            request.operation = "list uploads (s3:ListBucketMultipartUploads)"
            let text = try client.perform(request).text
            for element in S3Text.elements("Upload", in: text) {
                guard let key = S3Text.first("Key", in: element), key.hasPrefix(prefix),
                    let id = S3Text.first("UploadId", in: element)
                else { continue }
                result.append((String(key.dropFirst(prefix.count)), id))
            }
            marker = nil
            if S3Text.first("IsTruncated", in: text) == "true",
                let key = S3Text.first("NextKeyMarker", in: text),
                let id = S3Text.first("NextUploadIdMarker", in: text)
            {
                marker = (key, id)
            }
        } while marker != nil
        return result
    }
}

extension S3Client {
    /// Copies within the bucket; no byte comes here.
    func copy(_ name: String, to target: String, sizeBytes: UInt64, workers: S3Workers) throws {
        let source = "/\(location.bucket)/\(S3Location.encode(location.prefix + name))"
        var request = Request(method: "PUT", name: target)
        request.headers = ["x-amz-copy-source": source]
        request.operation = "copy objects (s3:PutObject)"
        request.isCheckedForErrors = true
        guard sizeBytes > 5 << 30 else {
            _ = try perform(request)
            return
        }
        let upload = try S3Multipart(target, client: self, workers: workers)
        do {
            try upload.copy(from: source, sizeBytes: sizeBytes)
            _ = try upload.complete()
        } catch {
            upload.abort()
            throw error
        }
    }
}

extension S3Multipart {
    /// - Source: Amazon S3 API Reference, "UploadPartCopy".
    fileprivate func copy(from source: String, sizeBytes: UInt64) throws {
        let pieceBytes: UInt64 = 1 << 30
        for (number, start) in stride(from: UInt64(0), to: sizeBytes, by: 1 << 30).enumerated() {
            let end = min(sizeBytes, start + pieceBytes)
            var request = S3Client.Request(method: "PUT", name: name)
            request.query = [("partNumber", "\(number + 1)"), ("uploadId", id)]
            request.headers = [
                "x-amz-copy-source": source,
                "x-amz-copy-source-range": "bytes=\(start)-\(end - 1)",
            ]
            request.operation = "copy objects (s3:PutObject)"
            request.isCheckedForErrors = true
            let text = try client.perform(request).text
            guard let tag = S3Text.first("ETag", in: text).map(S3Text.decode) else {
                throw S3Problem.unreadable("a part without an entity tag")
            }
            state.withLock { state in
                state.entityTags[number] = tag
                state.sizeBytes += end - start
            }
        }
    }
}
