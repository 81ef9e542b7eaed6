// SPDX-License-Identifier: Apache-2.0

/// The difference of two texts as `diff -u` shows it, in one hunk.
///
/// What is common at the start and at the end is left out but for three lines; `patch` takes the
/// result.
package enum UnifiedDiff {
    private static let contextLines = 3

    /// - Parameters:
    ///   - old: `nil` for a file that is not there.
    ///   - new: `nil` for a file that goes.
    ///   - path: As it is shown.
    /// - Returns: Lines without their ends; none where nothing differs.
    package static func lines(from old: [UInt8]?, to new: [UInt8]?, path: String) -> [String] {
        guard old != new else { return [] }
        let (before, after) = (split(old ?? []), split(new ?? []))
        var start = 0
        while start < before.count, start < after.count, before[start] == after[start] {
            start += 1
        }
        var end = 0
        while end < before.count - start, end < after.count - start,
            before[before.count - 1 - end] == after[after.count - 1 - end]
        { end += 1 }
        let first = max(0, start - contextLines)
        let trailing = min(contextLines, end)
        let oldRange = first..<(before.count - end + trailing)
        let newRange = first..<(after.count - end + trailing)
        var lines = [
            "--- \(old == nil ? "/dev/null" : path)", "+++ \(new == nil ? "/dev/null" : path)",
        ]
        guard !oldRange.isEmpty || !newRange.isEmpty else { return lines }
        lines.append("@@ -\(header(oldRange)) +\(header(newRange)) @@")
        for line in before[first..<start] { append(" ", line, to: &lines) }
        for line in before[start..<(before.count - end)] { append("-", line, to: &lines) }
        for line in after[start..<(after.count - end)] { append("+", line, to: &lines) }
        for line in after[(after.count - end)..<newRange.upperBound] {
            append(" ", line, to: &lines)
        }
        return lines
    }

    /// Lines with their ends.
    private static func split(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var position = 0
        while position < bytes.count {
            let end = bytes[position...].firstIndex(of: 0x0A).map { $0 + 1 } ?? bytes.count
            lines.append(bytes[position..<end])
            position = end
        }
        return lines
    }

    private static func header(_ range: Range<Int>) -> String {
        // An empty range is named by the line in front of it.
        "\(range.isEmpty ? range.lowerBound : range.lowerBound + 1),\(range.count)"
    }

    private static func append(
        _ mark: String,
        _ line: ArraySlice<UInt8>,
        to lines: inout [String]
    ) {
        let isWhole = line.last == 0x0A
        lines.append(mark + String(decoding: isWhole ? line.dropLast() : line, as: UTF8.self))
        if !isWhole { lines.append("\\ No newline at end of file") }
    }
}
