// SPDX-License-Identifier: Apache-2.0
import Foundation
import NixFormat

/// One request to a store of buckets, or to who lends credentials.
struct S3Message: Sendable {
    var method: String
    /// Scheme, host and port.
    var origin: String
    /// Encoded, with its slash in front.
    var path: String
    /// Encoded, in the order of the names; empty for none.
    var query: String
    /// Names in lower case.
    var headers: [String: String] = [:]
    var body = S3Body.none

    /// As it is sent: without the port that is the scheme's own.
    var host: String {
        guard let range = origin.range(of: "://") else { return origin }
        let host = String(origin[range.upperBound...])
        let usual = origin.hasPrefix("https:") ? ":443" : ":80"
        return host.hasSuffix(usual) ? String(host.dropLast(usual.count)) : host
    }

    var url: String { query.isEmpty ? "\(origin)\(path)" : "\(origin)\(path)?\(query)" }

    init(method: String = "GET", url: String, query: [(String, String)] = []) {
        self.method = method
        let start = url.range(of: "://")?.upperBound ?? url.startIndex
        let slash = url[start...].firstIndex(of: "/") ?? url.endIndex
        origin = String(url[..<slash])
        path = slash == url.endIndex ? "/" : String(url[slash...])
        self.query = query.map { name, value in
            let encoded = S3Location.encode(value, keepingSlashes: false)
            return "\(S3Location.encode(name, keepingSlashes: false))=\(encoded)"
        }.sorted().joined(separator: "&")
    }
}

/// What a request brings.
enum S3Body: Sendable {
    case none
    case bytes([UInt8])
    /// A part of a file, read while it is sent; with its SHA-256.
    case file(any S3FilePart, hash: NixHash)

    var sizeBytes: UInt64 {
        switch self {
        case .none: 0
        case .bytes(let bytes): UInt64(bytes.count)
        case .file(let part, _): part.sizeBytes
        }
    }

    var hash: NixHash {
        switch self {
        case .none: SHA256Hasher.hash([])
        case .bytes(let bytes): SHA256Hasher.hash(bytes)
        case .file(_, let hash): hash
        }
    }
}

/// A part of a file that does not change while it is read.
protocol S3FilePart: Sendable {
    var sizeBytes: UInt64 { get }

    /// Fills the whole buffer with the bytes at an offset of the part.
    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws
}

/// An answer whose body is still coming, to be read by one thread at a time.
protocol S3Answer: AnyObject, Sendable {
    var status: Int { get }

    /// By a name in lower case.
    func header(_ name: String) -> String?

    /// Fills the front of a buffer with the next bytes, as soon as there are some.
    ///
    /// - Returns: How many; 0 at the end.
    /// - Throws: ``S3Problem``, also when the body ends before it is whole.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int

    /// Wants no more of it.
    func cancel()
}

/// What carries requests: HTTP, or what a test puts in its place.
protocol S3Exchange: Sendable {
    /// Sends a request and waits for the head of the answer, whatever its status is.
    ///
    /// - Throws: ``S3Problem/unreachable(_:)`` or ``S3Problem/untrusted(_:)``.
    func send(_ message: S3Message) throws -> any S3Answer
}

extension S3Answer {
    /// Waits for all of a body that is to be small.
    func collect(upTo limit: Int = 16 << 20) throws -> [UInt8] {
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = try unsafe buffer.withUnsafeMutableBytes { try unsafe read(into: $0) }
            guard count > 0 else { return result }
            guard result.count + count <= limit else {
                cancel()
                throw S3Problem.unreadable("an answer of more than \(limit) bytes")
            }
            result += buffer[..<count]
        }
    }
}
