// SPDX-License-Identifier: Apache-2.0
import Foundation
import NixFormat
import Synchronization

/// How NARs come in, in parts, and what they become.
extension CachixStandIn {
    func announce(
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

    func handleOther(
        _ call: Call,
        _ path: String,
        _ query: [String: String],
        _ body: [UInt8]
    ) -> Answer {
        guard call.method == "PUT" else {
            let basic = "Basic \(Base64.encode(Array(":\(settings.token)".utf8)))"
            let mayRead = settings.isPublic || call.fields["authorization"] == basic
            return mayRead ? serve(path) : .status(401, "unauthorized")
        }
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

    func complete(
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

    func register(
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

    func signature(
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
    func serve(_ path: String) -> Answer {
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

    static func json(_ bytes: [UInt8]) -> Any? {
        try? JSONSerialization.jsonObject(with: Data(bytes), options: [.fragmentsAllowed])
    }

    static func split(_ target: String) -> (String, [String: String]) {
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
