// SPDX-License-Identifier: Apache-2.0
import Foundation
package import NixFormat
import Synchronization

/// A server that speaks Cachix's interface, as strictly as its own command and its route table tell.
///
/// What is completed is served as a binary cache, at the root, for real clients. What a sender does
/// that Cachix would not take is answered with 400 and noted in ``complaints``.
package final class CachixStandIn: Sendable {
    /// What a test has it do in place of its work.
    package enum Fault: Sendable {
        case answer(status: Int, fields: [(String, String)] = [], body: String = "{}")
        /// The connection ends after so many bytes of the request's body.
        case cut(afterBytes: Int)
        /// The work is done, and the connection ends before the answer.
        case loseAnswer
        /// The answer comes later.
        case delay(Duration)
    }

    /// Asked for each request, with the number of earlier ones to the same place.
    package typealias Faults = @Sendable (Call, Int) -> Fault?

    package struct Settings: Sendable {
        package var name = "test"
        package var token = "secret-token"
        package var permission = "Write"
        package var publicKeys: [String] = []
        /// `nil` makes clients sign.
        package var serverKey: SecretKey?
        /// Paths of these are never said to be missing, as those of an upstream.
        package var upstream: Set<String> = []
        /// Keeps what is received; `false` only counts it.
        package var keepsBytes = true
        /// Compares MD5; a benchmark measures the sender only.
        package var checksBytes = true

        package init() {}
    }

    /// One request, in the order of arrival.
    package struct Call: Sendable, CustomStringConvertible {
        package var method: String
        package var target: String
        package var fields: [String: String]
        package var bodyBytes: Int

        package var description: String { "\(method) \(target) (\(bodyBytes))" }
    }

    private struct Upload {
        var token: String
        var parts: [Int: (tag: String, bytes: [UInt8], count: Int)] = [:]
        /// MD5 by part, as it was announced.
        var announced: [Int: String] = [:]
    }

    private struct State {
        var calls: [Call] = []
        /// Earlier requests by their place.
        var counts: [String: Int] = [:]
        var complaints: [String] = []
        var uploads: [String: Upload] = [:]
        var narInfos: [String: String] = [:]
        var files: [String: [UInt8]] = [:]
        var order: [String] = []
        var pins: [String] = []
        var largestPart = 0
        var connections: [ObjectIdentifier: StreamSocket] = [:]
    }

    package let settings: Settings
    package var port: UInt16 { listener.port }
    package var url: String { "http://127.0.0.1:\(port)" }

    private let listener: ListeningSocket
    private let state = Mutex(State())
    private let fault: Faults

    private init(
        _ settings: Settings,
        port: UInt16,
        fault: @escaping Faults
    ) throws {
        self.settings = settings
        self.fault = fault
        listener = try ListeningSocket(port: port)
    }

    package var calls: [Call] { state.withLock { $0.calls } }
    /// What a sender did that Cachix would not take.
    package var complaints: [String] { state.withLock { $0.complaints } }
    /// Base names in the order in which they became visible.
    package var completed: [String] { state.withLock { $0.order } }
    package var largestPartBytes: Int { state.withLock { $0.largestPart } }
    package var pins: [String] { state.withLock { $0.pins } }

    package func calls(_ method: String, containing text: String) -> [Call] {
        calls.filter { $0.method == method && $0.target.contains(text) }
    }

    /// Starts one for the time of the body.
    ///
    /// - Parameters:
    ///   - settings: What it is.
    ///   - port: 0 lets the kernel choose.
    ///   - fault: Asked for each request with the number of earlier ones to the same place.
    ///   - body: Uses it.
    /// - Returns: What the body returns.
    /// - Throws: What the body throws, and when no port can be had.
    package static func run<Value>(
        _ settings: Settings = Settings(),
        port: UInt16 = 0,
        fault: @escaping Faults = { _, _ in nil },
        _ body: (CachixStandIn) async throws -> Value
    ) async throws -> Value {
        let server = try CachixStandIn(settings, port: port, fault: fault)
        Thread.detachNewThread { server.acceptAll() }
        defer { server.stop() }
        return try await body(server)
    }

    private func stop() {
        listener.stop()
        let open = state.withLock { Array($0.connections.values) }
        for socket in open { socket.cut() }
    }

    private func acceptAll() {
        while let socket = try? listener.accept() {
            state.withLock { $0.connections[ObjectIdentifier(socket)] = socket }
            Thread.detachNewThread { [self] in
                let connection = ServedConnection(socket)
                while (try? serveOne(connection)) == true {}
                socket.cut()
                state.withLock { $0.connections[ObjectIdentifier(socket)] = nil }
            }
        }
    }

    /// - Returns: Whether the connection goes on.
    private func serveOne(_ connection: ServedConnection) throws -> Bool {
        guard let head = try connection.readHead() else { return false }
        let length = head.fields["content-length"].flatMap { Int($0) } ?? 0
        let call = Call(
            method: head.method,
            target: head.target,
            fields: head.fields,
            bodyBytes: length
        )
        let earlier = state.withLock { state in
            state.calls.append(call)
            let place = Self.place(call)
            defer { state.counts[place, default: 0] += 1 }
            return state.counts[place, default: 0]
        }
        let fault = fault(call, earlier)
        if case .cut(let bytes) = fault {
            _ = try connection.readBody(min(bytes, length))
            return false
        }
        let body = try connection.readBody(length)
        switch fault {
        case .answer(let status, let fields, let text):
            try connection.answer(status, fields, Array(text.utf8))
            return true
        case .delay(let time): Thread.sleep(forTimeInterval: time / .seconds(1))
        case .cut, .loseAnswer, nil: break
        }
        let answer = handle(call, body)
        if case .loseAnswer = fault { return false }
        try connection.answer(answer.status, answer.fields, answer.body)
        return true
    }

    /// A request without what is different each time.
    private static func place(_ call: Call) -> String {
        let path = call.target.prefix { $0 != "?" }
        let last = path.split(separator: "/").last.map(String.init) ?? ""
        let isUpload = path.contains("/multipart-nar/") || path.contains("/upload/")
        let kind =
            isUpload && !["complete", "abort"].contains(last)
            ? (call.method == "PUT" ? "put" : "part") : last
        return "\(call.method) \(kind)"
    }
}

extension CachixStandIn {
    private struct Answer {
        var status = 200
        var fields: [(String, String)] = [("Content-Type", "application/json")]
        var body: [UInt8] = []

        static func json(_ value: Any) -> Answer {
            let options: JSONSerialization.WritingOptions = [.fragmentsAllowed]
            let data = try? JSONSerialization.data(withJSONObject: value, options: options)
            return Answer(body: Array(data ?? Data()))
        }

        static func status(_ status: Int, _ text: String = "") -> Answer {
            Answer(status: status, body: Array("{\"error\":\"\(text)\"}".utf8))
        }
    }

    private func complain(_ text: String) -> Answer {
        state.withLock { $0.complaints.append(text) }
        return .status(400, text)
    }

    private func handle(_ call: Call, _ body: [UInt8]) -> Answer {
        let (path, query) = Self.split(call.target)
        let prefix = "/api/v1/cache/\(settings.name)"
        guard path.hasPrefix("/api/") else { return handleOther(call, path, query, body) }
        guard call.fields["authorization"] == "Bearer \(settings.token)" else {
            return .status(401, "unauthorized")
        }
        guard call.fields["user-agent"] != nil else { return complain("no User-Agent") }
        guard path == prefix || path.hasPrefix("\(prefix)/") else { return .status(404) }
        if !body.isEmpty, call.fields["content-type"]?.hasPrefix("application/json") != true {
            return complain("a body that is not said to be JSON: \(call)")
        }
        let words = path.dropFirst(prefix.count).split(separator: "/").map(String.init)
        switch (call.method, words.first, words.count) {
        case ("GET", nil, 0): return cache
        case ("POST", "narinfo", 1): return missing(body)
        case ("POST", "pin", 1): return pin(body)
        case ("POST", "multipart-nar", 1):
            return query["compression"] == "zst" && body.isEmpty
                ? begin() : complain("not a new upload: \(call)")
        case ("POST", "multipart-nar", 2): return announce(words[1], query, body)
        case ("POST", "multipart-nar", 3) where words[2] == "complete":
            return complete(words[1], query, body)
        case ("POST", "multipart-nar", 3) where words[2] == "abort":
            state.withLock { $0.uploads[words[1]] = nil }
            return .json([String: String]())
        default: return .status(404)
        }
    }

    private var cache: Answer {
        .json([
            "name": settings.name, "uri": url, "isPublic": true,
            "publicSigningKeys": settings.publicKeys
                + (settings.serverKey.map { ["\($0.publicKey)"] } ?? []),
            "githubUsername": "somebody", "permission": settings.permission,
            "preferredCompressionMethod": "ZSTD",
        ])
    }

    private func missing(_ body: [UInt8]) -> Answer {
        guard let hashes = Self.json(body) as? [String] else { return complain("not hashes") }
        guard hashes.allSatisfy({ $0.utf8.count == 32 }), Set(hashes).count == hashes.count,
            hashes.count <= 32_768
        else { return complain("hashes that are none, twice, or too many") }
        let there = state.withLock { Set($0.narInfos.keys) }
        return .json(hashes.filter { !there.contains($0) && !settings.upstream.contains($0) })
    }

    private func pin(_ body: [UInt8]) -> Answer {
        guard let pin = Self.json(body) as? [String: Any],
            Set(pin.keys) == ["name", "storePath", "artifacts", "keep"],
            let name = pin["name"] as? String, let path = pin["storePath"] as? String
        else { return complain("not a pin: \(String(decoding: body, as: UTF8.self))") }
        guard path.hasPrefix("/nix/store/"),
            state.withLock({ $0.narInfos[path.storeHash] }) != nil
        else { return .status(404, "no such path") }
        let keep: String
        switch pin["keep"] {
        case is NSNull: keep = "<null>"
        case let object as [String: Any] where object["tag"] is String:
            let words = [object["tag"], object["contents"]].compactMap { $0.map { "\($0)" } }
            keep = words.joined(separator: " ")
        default: return complain("a pin that keeps what? \(pin)")
        }
        state.withLock { $0.pins.append("\(name) \(path) \(keep)") }
        return .json([String: String]())
    }

    private func begin() -> Answer {
        let name = UUID().uuidString.lowercased()
        // As those of object stores, it has to be escaped in a query.
        let token = "up/\(UInt64.random(in: 0 ... .max))+=="
        state.withLock { $0.uploads[name] = Upload(token: token) }
        return .json(["narId": name, "uploadId": token])
    }

    private func announce(
        _ name: String,
        _ query: [String: String],
        _ body: [UInt8]
    ) -> Answer {
        guard let check = (Self.json(body) as? [String: String])?["contentMD5"],
            let digest = try? Base64.decode(check), digest.count == 16,
            let number = query["partNumber"].flatMap({ Int($0) }), (1...10_000).contains(number)
        else { return complain("not the announcement of a part") }
        let isKnown = state.withLock { state in
            guard state.uploads[name]?.token == query["uploadId"] else { return false }
            state.uploads[name]?.announced[number] = check
            return true
        }
        guard isKnown else { return .status(404, "no such upload") }
        return .json(["uploadUrl": "\(url)/upload/\(name)?part=\(number)"])
    }

    private func handleOther(
        _ call: Call,
        _ path: String,
        _ query: [String: String],
        _ body: [UInt8]
    ) -> Answer {
        guard call.method == "PUT" else { return serve(path) }
        let name = String(path.split(separator: "/").last ?? "")
        guard call.fields["authorization"] == nil else { return complain("a token for storage") }
        guard call.fields["content-type"] == "application/octet-stream" else {
            return complain("a part of another type")
        }
        guard body.count == call.bodyBytes, !body.isEmpty, body.count <= 32 << 20 else {
            return complain("a part of \(body.count) bytes")
        }
        let check = call.fields["content-md5"] ?? ""
        guard !settings.checksBytes || check == Base64.encode(MD5Digest.digest(of: body)) else {
            return .status(400, "BadDigest")
        }
        let number = query["part"].flatMap { Int($0) } ?? 0
        let tag = "\"\(Base64.encode(Array(body.prefix(8))))-\(number)-\(body.count)\""
        let isKnown = state.withLock { state in
            guard state.uploads[name]?.announced[number] == check else { return false }
            let kept = settings.keepsBytes ? body : []
            state.uploads[name]?.parts[number] = (tag, kept, body.count)
            state.largestPart = max(state.largestPart, body.count)
            return true
        }
        return isKnown
            ? Answer(fields: [("ETag", tag)]) : .status(403, "not announced, or otherwise")
    }

    private func complete(
        _ name: String,
        _ query: [String: String],
        _ body: [UInt8]
    ) -> Answer {
        let upload = state.withLock { $0.uploads[name] }
        guard let upload, upload.token == query["uploadId"] else { return .status(404, "gone") }
        guard let whole = Self.json(body) as? [String: Any],
            let parts = whole["parts"] as? [[String: Any]],
            let info = whole["narInfoCreate"] as? [String: Any]
        else { return complain("not a completion") }
        var bytes: [UInt8] = []
        var count = 0
        for (place, part) in parts.enumerated() {
            guard part["partNumber"] as? Int == place + 1, let mine = upload.parts[place + 1],
                part["eTag"] as? String == mine.tag
            else { return complain("part \(place + 1) is not what was sent") }
            // As object stores do it.
            guard place == parts.count - 1 || mine.count >= 5 << 20 else {
                return complain("part \(place + 1) is smaller than 5 MiB")
            }
            bytes += mine.bytes
            count += mine.count
        }
        guard parts.count == upload.parts.count else { return complain("parts are left over") }
        return register(info, bytes, count, upload: name)
    }

    private func register(
        _ info: [String: Any],
        _ bytes: [UInt8],
        _ count: Int,
        upload: String
    ) -> Answer {
        let keys: Set = [
            "cStoreHash", "cStoreSuffix", "cNarHash", "cNarSize", "cFileHash", "cFileSize",
            "cReferences", "cDeriver", "cSig",
        ]
        guard Set(info.keys) == keys, let hash = info["cStoreHash"] as? String,
            let suffix = info["cStoreSuffix"] as? String,
            let narHash = info["cNarHash"] as? String, narHash.hasPrefix("sha256:"),
            narHash.utf8.count == 59, let narSize = info["cNarSize"] as? Int,
            let fileHash = info["cFileHash"] as? String, fileHash.utf8.count == 64,
            let fileSize = info["cFileSize"] as? Int,
            let references = info["cReferences"] as? [String],
            let deriver = info["cDeriver"] as? String,
            let path = try? StorePath(parsing: "\(hash)-\(suffix)")
        else { return complain("not a narinfo: \(info)") }
        guard fileSize == count else { return complain("\(path): FileSize is not what came") }
        if settings.keepsBytes {
            guard SHA256Hasher.hash(bytes).digestText(.base16) == fileHash else {
                return complain("\(path): FileHash is not that of what came")
            }
        }
        for reference in references {
            let other = String(reference.prefix(32))
            let isThere = state.withLock { $0.narInfos[other] != nil }
            guard isThere || other == hash || settings.upstream.contains(other)
            else { return complain("\(path): \(reference) is not there yet") }
        }
        guard let signature = signature(info, path, narHash, narSize, references) else {
            return complain("\(path): no signature, and this cache does not sign")
        }
        let text = """
            StorePath: /nix/store/\(path)
            URL: nar/\(fileHash).nar.zst
            Compression: zstd
            FileHash: sha256:\(fileHash)
            FileSize: \(fileSize)
            NarHash: \(narHash)
            NarSize: \(narSize)
            References: \(references.joined(separator: " "))
            Deriver: \(deriver)
            Sig: \(signature)

            """
        state.withLock { state in
            state.uploads[upload] = nil
            state.narInfos[hash] = text
            state.files["\(fileHash).nar.zst"] = bytes
            state.order.append("\(path)")
        }
        return .json([String: String]())
    }

    private func signature(
        _ info: [String: Any],
        _ path: StorePath,
        _ narHash: String,
        _ narSize: Int,
        _ references: [String]
    ) -> String? {
        if let own = info["cSig"] as? String {
            let name = settings.publicKeys.first?.split(separator: ":").first ?? ""
            return "\(name):\(own)"
        }
        guard let key = settings.serverKey, let hash = try? NixHash(parsing: narHash) else {
            return nil
        }
        let fingerprint = PathFingerprint.bytes(
            storePath: path,
            narHash: hash,
            narSizeBytes: UInt64(narSize),
            references: references.compactMap { try? StorePath(parsing: $0) },
            in: .standard
        )
        return "\(key.sign(fingerprint))"
    }

    /// The binary cache that Nix reads.
    private func serve(_ path: String) -> Answer {
        let name = String(path.split(separator: "/").last ?? "")
        if name == "nix-cache-info" {
            let text = "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 41\n"
            let fields = [("Content-Type", "text/x-nix-cache-info")]
            return Answer(fields: fields, body: Array(text.utf8))
        }
        let found = state.withLock { state -> [UInt8]? in
            if name.hasSuffix(".narinfo") {
                return state.narInfos[String(name.dropLast(8))].map { Array($0.utf8) }
            }
            return state.files[name]
        }
        guard let found else { return .status(404) }
        return Answer(fields: [("Content-Type", "application/octet-stream")], body: found)
    }

    private static func json(_ bytes: [UInt8]) -> Any? {
        try? JSONSerialization.jsonObject(with: Data(bytes), options: [.fragmentsAllowed])
    }

    private static func split(_ target: String) -> (String, [String: String]) {
        let halves = target.split(separator: "?", maxSplits: 1)
        var query: [String: String] = [:]
        for pair in halves.dropFirst().first?.split(separator: "&") ?? [] {
            let words = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            // A plus that was not escaped is a space, as most servers read it.
            let value = words.dropFirst().first.map(String.init) ?? ""
            query[String(words[0])] =
                value.replacingOccurrences(of: "+", with: " ").removingPercentEncoding ?? ""
        }
        return (String(halves[0]), query)
    }
}

/// The server's end of a connection that is kept, used by one thread.
private final class ServedConnection {
    struct Head {
        var method: String
        var target: String
        /// By their names in lower case.
        var fields: [String: String]
    }

    private let socket: StreamSocket
    private var pending: [UInt8] = []

    init(_ socket: StreamSocket) {
        self.socket = socket
    }

    func readHead() throws -> Head? {
        while true {
            if let end = pending.firstRange(of: Array("\r\n\r\n".utf8)) {
                let text = String(decoding: pending[..<end.lowerBound], as: UTF8.self)
                pending.removeSubrange(..<end.upperBound)
                let lines = text.split(separator: "\r\n")
                let words = lines[0].split(separator: " ")
                guard words.count == 3 else { return nil }
                var fields: [String: String] = [:]
                for line in lines.dropFirst() {
                    let halves = line.split(separator: ":", maxSplits: 1)
                    guard halves.count == 2 else { continue }
                    fields[halves[0].lowercased()] =
                        halves[1].trimmingCharacters(in: .whitespaces)
                }
                return Head(method: String(words[0]), target: String(words[1]), fields: fields)
            }
            let more = try socket.read(upTo: 1 << 16)
            guard !more.isEmpty else { return nil }
            pending += more
        }
    }

    func readBody(_ count: Int) throws -> [UInt8] {
        var body = Array(pending.prefix(count))
        pending.removeFirst(body.count)
        body.reserveCapacity(count)
        while body.count < count {
            let more = try socket.read(upTo: min(1 << 18, count - body.count))
            guard !more.isEmpty else { throw StreamSocket.Failure(call: "recv", code: 0) }
            body += more
        }
        return body
    }

    func answer(_ status: Int, _ fields: [(String, String)], _ body: [UInt8]) throws {
        var head = "HTTP/1.1 \(status) X\r\nContent-Length: \(body.count)\r\n"
        for (name, value) in fields { head += "\(name): \(value)\r\n" }
        try socket.write(Array("\(head)\r\n".utf8) + body)
    }
}
