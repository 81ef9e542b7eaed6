// SPDX-License-Identifier: Apache-2.0
package import Foundation
import NixFormat

/// A client that sends what the command `cachix` 1.11 sends, in its order and with its retries, and
/// takes nothing but the answers that it takes.
package struct CachixClient: Sendable {
    /// What it makes of an answer that it does not take.
    package struct Refusal: Error, CustomStringConvertible {
        package let call: String
        package let status: Int
        package let text: String

        package var description: String { "\(call): \(status) \(text)" }
    }

    /// `GET /cache/NAME`, with all of its keys.
    package struct Cache: Decodable, Sendable {
        package var name: String
        package var uri: String
        package var isPublic: Bool
        package var publicSigningKeys: [String]
        package var githubUsername: String
        package var permission: String
        package var preferredCompressionMethod: String
    }

    package let port: UInt16
    package var name = "team"
    /// Empty for somebody without one: `Bearer ` is sent all the same.
    package var token: String
    /// As `--compression-method`.
    package var compression = "zst"
    /// As `--chunk-size`.
    package var chunkBytes = 32 << 20
    /// As `--num-concurrent-chunks`.
    package var chunksAtOnce = 4
    /// As `--jobs`.
    package var jobs = 8
    /// Sends parts in another order than theirs.
    package var shufflesParts = false

    /// Of each call.
    package var attempts = 8

    package init(port: UInt16, token: String) {
        self.port = port
        self.token = token
    }

    // MARK: Questions

    package func cache() async throws -> Cache {
        try await json(send("GET", ""), as: Cache.self)
    }

    /// What is missing of these.
    package func missing(_ hashes: [String]) async throws -> [String] {
        try await json(send("POST", "/narinfo", try encoded(hashes)), as: [String].self)
    }

    package func pin(_ name: String, _ storePath: String, keep: String = "null") async throws {
        let body = """
            {"name":"\(name)","storePath":"\(storePath)","artifacts":[],"keep":\(keep)}
            """
        _ = try await send("POST", "/pin", Array(body.utf8))
    }

    // MARK: Pushing

    /// As `cachix push`: asks what is missing, and sends that.
    ///
    /// - Returns: Base names, in the order in which they were completed.
    @discardableResult
    package func push(_ paths: [PackedStorePath]) async throws -> [String] {
        _ = try await cache()
        let missing = Set(try await missing(paths.map(\.hash)))
        return try await pushAll(paths.filter { missing.contains($0.hash) })
    }

    /// Sends these, several at once, as they come.
    @discardableResult
    package func pushAll(_ paths: [PackedStorePath]) async throws -> [String] {
        try await withThrowingTaskGroup(of: String.self) { group in
            var done: [String] = []
            var rest = paths[...]
            for _ in 0..<jobs {
                guard let next = rest.popFirst() else { break }
                group.addTask { try await push(next) }
            }
            while let name = try await group.next() {
                done.append(name)
                if let next = rest.popFirst() { group.addTask { try await push(next) } }
            }
            return done
        }
    }

    private func push(_ path: PackedStorePath) async throws -> String {
        let upload = try await begin()
        do {
            let tags = try await sendParts(of: path, upload)
            try await complete(upload, path, tags.map { "{\"partNumber\":\($0),\"eTag\":\($1)}" })
        } catch {
            _ = try? await abort(upload)
            throw error
        }
        return path.baseName
    }

    /// An upload that was begun.
    package struct Upload: Decodable, Sendable {
        /// The command demands a UUID.
        package var narId: UUID
        package var uploadId: String

        package init(narId: UUID, uploadId: String) {
            self.narId = narId
            self.uploadId = uploadId
        }

        var place: String { "/multipart-nar/\(narId.uuidString.lowercased())" }
    }

    package func begin() async throws -> Upload {
        let answer = try await send("POST", "/multipart-nar?compression=\(compression)", [])
        return try json(answer, as: Upload.self)
    }

    /// All parts of a file, several at once.
    ///
    /// - Returns: Their numbers and tags, the tags as texts of JSON.
    package func sendParts(
        of path: PackedStorePath,
        _ upload: Upload
    ) async throws -> [(Int, String)] {
        var pieces: [(number: Int, bytes: [UInt8])] = []
        var rest = path.file[...]
        while !rest.isEmpty {
            pieces.append((pieces.count + 1, Array(rest.prefix(chunkBytes))))
            rest = rest.dropFirst(chunkBytes)
        }
        if shufflesParts { pieces.shuffle() }
        return try await withThrowingTaskGroup(of: (Int, String).self) { group in
            var tags: [(Int, String)] = []
            var waiting = pieces[...]
            for _ in 0..<chunksAtOnce {
                guard let next = waiting.popFirst() else { break }
                group.addTask { (next.number, try await sendPart(next.bytes, next.number, upload)) }
            }
            while let tag = try await group.next() {
                tags.append(tag)
                guard let next = waiting.popFirst() else { continue }
                group.addTask { (next.number, try await sendPart(next.bytes, next.number, upload)) }
            }
            return tags.sorted { $0.0 < $1.0 }
        }
    }

    /// Announces a part and sends it.
    ///
    /// - Returns: Its tag with its quotes, as text of JSON.
    package func sendPart(
        _ bytes: [UInt8],
        _ number: Int,
        _ upload: Upload
    ) async throws -> String {
        let url = try await announce(bytes, number, upload)
        let answer = try await retrying("PUT part \(number)") { try await put(bytes, to: url) }
        guard (200..<300).contains(answer.status), let tag = answer["ETag"] else {
            throw Refusal(call: "PUT part \(number)", status: answer.status, text: answer.text)
        }
        return String(decoding: try encoded([tag]).dropFirst().dropLast(), as: UTF8.self)
    }

    /// Where a part goes.
    package func announce(
        _ bytes: [UInt8],
        _ number: Int,
        _ upload: Upload
    ) async throws -> String {
        struct Place: Decodable { var uploadUrl: String }
        let check = Base64.encode(MD5Digest.digest(of: bytes))
        let target = "\(upload.place)?uploadId=\(upload.uploadId)&partNumber=\(number)"
        let body = Array("{\"contentMD5\":\"\(check)\"}".utf8)
        return try json(try await send("POST", target, body), as: Place.self).uploadUrl
    }

    /// Without a token, as to an object store.
    package func put(
        _ bytes: [UInt8],
        to url: String,
        contentMD5: String? = nil
    ) async throws -> HTTPAnswer {
        let base = "http://127.0.0.1:\(port)"
        guard url.hasPrefix("\(base)/") else {
            throw Refusal(call: "PUT", status: 0, text: "\(url) is not at \(base)")
        }
        let check = contentMD5 ?? Base64.encode(MD5Digest.digest(of: bytes))
        let fields = [
            (name: "Content-Type", value: "application/octet-stream"),
            (name: "Content-MD5", value: check), (name: "Content-Length", value: "\(bytes.count)"),
            (name: "Host", value: "127.0.0.1:\(port)"),
        ]
        let target = String(url.dropFirst(base.count))
        return try await exchange(HTTPRequest(target, method: "PUT", fields: fields), bytes)
    }

    /// Makes a path of what was sent; `parts` are objects of JSON, `nil` for `null`.
    package func complete(
        _ upload: Upload,
        _ path: PackedStorePath,
        _ parts: [String]?,
        change: (inout String) -> Void = { _ in }
    ) async throws {
        let list = parts.map { "[\($0.joined(separator: ","))]" } ?? "null"
        var body = "{\"parts\":\(list),\"narInfoCreate\":\(path.narInfoCreate)}"
        change(&body)
        let target = "\(upload.place)/complete?uploadId=\(upload.uploadId)"
        _ = try await send("POST", target, Array(body.utf8))
    }

    package func abort(_ upload: Upload) async throws {
        _ = try await send("POST", "\(upload.place)/abort?uploadId=\(upload.uploadId)", [])
    }

    // MARK: The wire

    /// One call of the interface, made again where that may help.
    ///
    /// - Throws: ``Refusal`` for every status but 200.
    @discardableResult
    package func send(
        _ method: String,
        _ place: String,
        _ body: [UInt8]? = nil
    ) async throws -> HTTPAnswer {
        let answer = try await retrying("\(method) \(place)") { try await ask(method, place, body) }
        guard answer.status == 200 else {
            throw Refusal(call: "\(method) \(place)", status: answer.status, text: answer.text)
        }
        return answer
    }

    /// One call, once.
    package func ask(
        _ method: String,
        _ place: String,
        _ body: [UInt8]? = nil
    ) async throws -> HTTPAnswer {
        var fields = [
            (name: "Host", value: "127.0.0.1:\(port)"),
            (name: "Authorization", value: "Bearer \(token)"),
            (name: "User-Agent", value: "cachix 1.11.1"),
            (name: "Accept", value: "application/json;charset=utf-8,application/json"),
        ]
        if let body {
            fields.append(("Content-Length", "\(body.count)"))
            if !body.isEmpty {
                fields.append(("Content-Type", "application/json;charset=utf-8"))
            }
        }
        let target = "/api/v1/cache/\(name)\(place)"
        return try await exchange(
            HTTPRequest(target, method: method, fields: fields),
            body ?? []
        )
    }

    private func exchange(_ request: HTTPRequest, _ body: [UInt8]) async throws -> HTTPAnswer {
        let port = port
        return try await onOwnThread {
            let connection = HTTPConnection(try StreamSocket.connect(port: port))
            do {
                try connection.socket.write(request.bytes + body)
            } catch let failure as StreamSocket.Failure where failure.isReset {
                // It may have answered before it stopped reading.
            }
            return try connection.readAnswer(toHead: request.method == "HEAD")
        }
    }

    /// 429 and 5xx are asked again, after as long as was said.
    private func retrying(
        _ call: String,
        _ body: () async throws -> HTTPAnswer
    ) async throws -> HTTPAnswer {
        var attempt = 1
        while true {
            let answer = try await body()
            guard answer.status == 429 || answer.status >= 500, attempt < attempts else {
                return answer
            }
            let asked = answer["Retry-After"].flatMap { Double($0) } ?? 0.1 * Double(attempt)
            try await Task.sleep(for: .seconds(min(asked, 120)))
            attempt += 1
        }
    }

    private func json<Body: Decodable>(_ answer: HTTPAnswer, as type: Body.Type) throws -> Body {
        guard answer["Content-Type"]?.hasPrefix("application/json") == true else {
            throw Refusal(
                call: "answer",
                status: answer.status,
                text: "of type \(answer["Content-Type"] ?? "none")"
            )
        }
        return try JSONDecoder().decode(type, from: Data(answer.body))
    }

    private func encoded(_ texts: [String]) throws -> [UInt8] {
        Array(try JSONEncoder().encode(texts))
    }
}
