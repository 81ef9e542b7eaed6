// SPDX-License-Identifier: Apache-2.0

/// What came back for one request, as it was on the wire.
package struct HTTPAnswer: Sendable {
    package var status: Int
    package var reason: String
    /// In the order and spelling of the wire.
    package var fields: [(name: String, value: String)]
    /// Without the framing of a chunked body.
    package var body: [UInt8] = []
    /// Whether the body ended as its framing promised; a connection that broke off leaves `false`.
    package var isComplete = false

    /// The first field of this name, in whatever case.
    package subscript(_ name: String) -> String? {
        let wanted = name.lowercased()
        return fields.first { $0.name.lowercased() == wanted }?.value
    }

    /// The body as text.
    package var text: String { String(decoding: body, as: UTF8.self) }

    /// Reads a head, without its empty last line.
    ///
    /// - Returns: `nil` when it is not the head of an HTTP/1 answer.
    init?(parsing head: String) {
        let lines = head.split(separator: "\r\n", omittingEmptySubsequences: false)
        let words = lines[0].split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            return nil
        }
        self.status = status
        reason = words.count == 3 ? String(words[2]) : ""
        fields = lines.dropFirst().compactMap { line in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...]
            return (String(line[..<colon]), value.trimmingWhiteSpace())
        }
    }
}

/// Short, because a failed expectation prints it; a NAR would take minutes.
extension HTTPAnswer: CustomStringConvertible, CustomReflectable {
    package var description: String {
        "\(status) \(reason), \(isComplete ? "all" : "only") \(body.count) bytes of the body"
    }

    package var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}

extension Substring {
    fileprivate func trimmingWhiteSpace() -> String {
        let blank: Set<Character> = [" ", "\t"]
        let start = drop { blank.contains($0) }
        return String(start.reversed().drop { blank.contains($0) }.reversed())
    }
}
