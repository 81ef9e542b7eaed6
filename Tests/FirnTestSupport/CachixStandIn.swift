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
        /// Whether it takes no token to read it.
        package var isPublic = true
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

    struct Upload {
        var token: String
        var parts: [Int: (tag: String, bytes: [UInt8], count: Int)] = [:]
        /// MD5 by part, as it was announced.
        var announced: [Int: String] = [:]
    }

    struct State {
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
    let state = Mutex(State())
    let fault: Faults

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
    struct Answer {
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

    func complain(_ text: String) -> Answer {
        state.withLock { $0.complaints.append(text) }
        return .status(400, text)
    }

    func handle(_ call: Call, _ body: [UInt8]) -> Answer {
        let (path, query) = Self.split(call.target)
        let prefix = "/api/v1/cache/\(settings.name)"
        guard path.hasPrefix("/api/") else { return handleOther(call, path, query, body) }
        // Whoever has no token sends an empty one.
        let isOpen = settings.isPublic && call.method == "GET" && path == prefix
        let authorization = call.fields["authorization"]?.trimmingCharacters(in: .whitespaces)
        guard authorization == "Bearer \(settings.token)" || isOpen && authorization == "Bearer"
        else { return .status(401, "unauthorized") }
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

    var cache: Answer {
        .json([
            "name": settings.name, "uri": url, "isPublic": settings.isPublic,
            "publicSigningKeys": settings.publicKeys
                + (settings.serverKey.map { ["\($0.publicKey)"] } ?? []),
            "githubUsername": "somebody", "permission": settings.permission,
            "preferredCompressionMethod": "ZSTD",
        ])
    }

    func missing(_ body: [UInt8]) -> Answer {
        guard let hashes = Self.json(body) as? [String] else { return complain("not hashes") }
        guard hashes.allSatisfy({ $0.utf8.count == 32 }), Set(hashes).count == hashes.count,
            hashes.count <= 32_768
        else { return complain("hashes that are none, twice, or too many") }
        let there = state.withLock { Set($0.narInfos.keys) }
        return .json(hashes.filter { !there.contains($0) && !settings.upstream.contains($0) })
    }

    func pin(_ body: [UInt8]) -> Answer {
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

    func begin() -> Answer {
        let name = UUID().uuidString.lowercased()
        // As those of object stores, it has to be escaped in a query.
        let token = "up/\(UInt64.random(in: 0 ... .max))+=="
        state.withLock { $0.uploads[name] = Upload(token: token) }
        return .json(["narId": name, "uploadId": token])
    }
}
