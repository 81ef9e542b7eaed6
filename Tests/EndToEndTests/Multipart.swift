// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

/// The parts of a `multipart/byteranges` answer.
struct Multipart {
    /// The `Content-Range` of each part.
    private(set) var ranges: [String] = []
    private(set) var bodies: [[UInt8]] = []

    init(parsing answer: HTTPAnswer) throws {
        let type = try #require(answer["Content-Type"])
        let pattern = /^multipart\/byteranges; *boundary="?([^"]+)"?$/
        let match = try #require(type.firstMatch(of: pattern))
        let delimiter = Array("--\(match.1)".utf8)
        var rest = answer.body[...]
        let start = try #require(rest.firstRange(of: delimiter))
        rest = rest[start.upperBound...]
        while !rest.starts(with: Array("--".utf8)) {
            let headEnd = try #require(rest.firstRange(of: Array("\r\n\r\n".utf8)))
            let head = String(decoding: rest[..<headEnd.lowerBound], as: UTF8.self)
            let range = try #require(head.firstMatch(of: /(?i)content-range: *(.*)/))
            rest = rest[headEnd.upperBound...]
            let bodyEnd = try #require(rest.firstRange(of: Array("\r\n".utf8) + delimiter))
            ranges.append(String(range.1).replacing("\r", with: ""))
            bodies.append(Array(rest[..<bodyEnd.lowerBound]))
            rest = rest[bodyEnd.upperBound...]
        }
    }
}
