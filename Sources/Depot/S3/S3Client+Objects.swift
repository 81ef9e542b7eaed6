// SPDX-License-Identifier: Apache-2.0
import Foundation
import NixFormat

/// What is known of a thing in a bucket.
struct S3Status: Hashable, Sendable {
    var sizeBytes: UInt64
    /// As the store writes it; empty where it has none.
    var entityTag: String
    /// Microseconds of Unix time.
    var modifiedAt: Int64
}

/// A page of what is in a bucket.
struct S3Page: Sendable {
    /// Beneath the prefix of the depot.
    var names: [(name: String, status: S3Status)] = []
    var folders: [String] = []
    /// Where the next page begins; `nil` for the last.
    var next: String?
}

extension S3Client {
    func head(_ name: String) throws -> S3Status? {
        var request = Request(method: "HEAD", name: name)
        request.accepted = [200, 404]
        let reply = try perform(request)
        guard reply.status == 200 else { return nil }
        guard let size = reply.header("content-length").flatMap({ UInt64($0) }) else {
            throw S3Problem.unreadable("\(name) has no length")
        }
        return S3Status(
            sizeBytes: size,
            entityTag: reply.header("etag") ?? "",
            modifiedAt: reply.header("last-modified").flatMap(Self.date) ?? Self.now()
        )
    }

    /// All of something small.
    func get(_ name: String) throws -> [UInt8]? {
        var request = Request(name: name)
        request.accepted = [200, 404]
        let reply = try perform(request)
        guard reply.status == 200 else {
            try requireBucket(reply)
            return nil
        }
        guard reply.header("content-length").map({ $0 == "\(reply.body.count)" }) ?? true else {
            throw S3Problem.damaged(name)
        }
        return reply.body
    }

    /// That a key is missing and that all of the bucket is are the same status.
    private func requireBucket(_ reply: Reply) throws {
        if S3Text.first("Code", in: reply.text) == "NoSuchBucket" { throw S3Problem.noBucket }
    }

    /// Stores something whole, in place of what is there, unless it is to be new.
    ///
    /// The store refuses bytes that do not have the hash which they are sent with.
    /// - Returns: Its entity tag; `nil` when it was to be new and something is there.
    @discardableResult
    func put(_ name: String, _ body: S3Body, onlyIfNew: Bool = false) throws -> String? {
        var request = Request(method: "PUT", name: name)
        request.body = body
        request.operation = "write objects (s3:PutObject)"
        let checksum = Data(body.hash.digest).base64EncodedString()
        request.headers = [
            "content-type": Self.mediaType(name), "x-amz-checksum-sha256": checksum,
        ]
        if onlyIfNew {
            request.headers["if-none-match"] = "*"
            request.accepted.formUnion([409, 412])
        }
        let reply = try perform(request)
        guard reply.status < 400 else { return nil }
        if let stored = reply.header("x-amz-checksum-sha256"), stored != checksum {
            throw S3Problem.damaged(name)
        }
        return reply.header("etag") ?? ""
    }

    /// One that is gone already is fine.
    func delete(_ name: String) throws {
        var request = Request(method: "DELETE", name: name)
        request.operation = "remove objects (s3:DeleteObject)"
        request.accepted = [200, 202, 204, 404]
        _ = try perform(request)
    }

    /// A page of what is beneath a folder, whose name ends with a slash or is empty.
    ///
    /// `isDeep`: Whether what is in folders beneath it is listed as well.
    func list(_ folder: String, isDeep: Bool, from token: String? = nil) throws -> S3Page {
        var request = Request()
        request.operation = "list the bucket (s3:ListBucket)"
        request.query = [("list-type", "2"), ("prefix", location.prefix + folder)]
        if !isDeep { request.query.append(("delimiter", "/")) }
        if let token { request.query.append(("continuation-token", token)) }
        let text = try perform(request).text
        guard text.contains("<ListBucketResult") else {
            throw S3Problem.unreadable("no list of the bucket")
        }
        var page = S3Page()
        for element in S3Text.elements("Contents", in: text) {
            // Some stores and many consoles make folders of keys that end with a slash.
            guard let key = S3Text.first("Key", in: element), key.hasPrefix(location.prefix),
                !key.hasSuffix("/"),
                let size = S3Text.first("Size", in: element).flatMap({ UInt64($0) })
            else { continue }
            let modified = S3Text.first("LastModified", in: element).flatMap(Self.isoDate)
            let status = S3Status(
                sizeBytes: size,
                entityTag: S3Text.first("ETag", in: element) ?? "",
                modifiedAt: modified ?? Self.now()
            )
            page.names.append((String(key.dropFirst(location.prefix.count)), status))
        }
        for element in S3Text.elements("CommonPrefixes", in: text) {
            guard let key = S3Text.first("Prefix", in: element), key.hasPrefix(location.prefix)
            else { continue }
            page.folders.append(String(key.dropFirst(location.prefix.count)))
        }
        if S3Text.first("IsTruncated", in: text) == "true" {
            page.next = S3Text.first("NextContinuationToken", in: text)
        }
        return page
    }

    /// Goes through pages until the last.
    func forEachPage(
        _ folder: String,
        isDeep: Bool,
        _ body: (S3Page) throws -> Void
    ) throws {
        var token: String?
        repeat {
            let page = try list(folder, isDeep: isDeep, from: token)
            try body(page)
            guard page.next != token || token == nil else {
                throw S3Problem.unreadable("a list that does not end")
            }
            token = page.next
        } while token != nil
    }

    /// Removes many at once, as far as they are there.
    func delete(_ names: [String]) throws {
        var rest = names[...]
        while !rest.isEmpty {
            let objects = rest.prefix(1000).map { name in
                "<Object><Key>\(S3Text.encode(location.prefix + name))</Key></Object>"
            }
            let body = Array("<Delete><Quiet>true</Quiet>\(objects.joined())</Delete>".utf8)
            var request = Request(method: "POST")
            request.query = [("delete", "")]
            request.operation = "remove objects (s3:DeleteObject)"
            let hash = Data(SHA256Hasher.hash(body).digest).base64EncodedString()
            request.headers = [
                "content-type": "application/xml", "x-amz-checksum-sha256": hash,
                "content-md5": S3Checksum.md5(body),
            ]
            request.body = .bytes(body)
            request.isCheckedForErrors = true
            let text = try perform(request).text
            if let code = S3Text.first("Code", in: text) {
                throw code == "AccessDenied"
                    ? S3Problem.forbidden(operation: request.operation)
                    : S3Problem.failed(status: 200, code: code)
            }
            rest = rest.dropFirst(1000)
        }
    }

    private static func mediaType(_ name: String) -> String {
        if name.hasSuffix(".narinfo") { return "text/x-nix-narinfo" }
        if name.hasSuffix("nix-cache-info") { return "text/x-nix-cache-info" }
        if name.hasPrefix("nar/") { return "application/x-nix-nar" }
        return name.hasSuffix(".json") || name.hasSuffix(".doi") || name.hasSuffix(".ls")
            ? "application/json" : "application/octet-stream"
    }

    static func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1_000_000) }

    /// - Shape: `Wed, 21 Oct 2015 07:28:00 GMT`
    private static func date(_ text: String) -> Int64? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, let month = months.firstIndex(of: String(parts[2])) else {
            return nil
        }
        let number = month < 9 ? "0\(month + 1)" : "\(month + 1)"
        return isoDate("\(parts[3])-\(number)-\(parts[1])T\(parts[4])Z")
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func isoDate(_ text: String) -> Int64? {
        let date =
            (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
            ?? (try? Date(text, strategy: Date.ISO8601FormatStyle()))
        return date.map { Int64($0.timeIntervalSince1970 * 1_000_000) }
    }
}
