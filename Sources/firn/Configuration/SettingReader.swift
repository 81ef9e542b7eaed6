// SPDX-License-Identifier: Apache-2.0

/// How values of one kind are read and shown again.
package struct SettingReader<Value: Sendable>: Sendable {
    /// What a variable's text is cut into before it is read.
    package enum Form: Sendable {
        case text
        case integer
        /// Several, separated by white space or commas.
        case list
    }

    let form: Form
    /// Continues the sentence "takes …".
    let expected: String
    let read: @Sendable (SettingInput, String) throws(SettingProblem) -> Value
    /// The value as it would stand in `firn.toml`; empty where it would not.
    let write: @Sendable (Value) -> String
    /// Where it says more than ``form``.
    var narrowerShape: ValueShape?

    /// What values look like.
    var shape: ValueShape { narrowerShape ?? (form == .list ? .texts : .text) }
}

extension SettingReader where Value == Int {
    static func integer(in range: ClosedRange<Int>) -> SettingReader {
        SettingReader(
            form: .integer,
            expected: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            read: { input, _ throws(SettingProblem) in
                switch input {
                case .integer(let number): return try bounded(number, range)
                // What a variable holds is text whatever was meant.
                case .text(let text): throw .malformed(text, reason: "is not a whole number")
                case .flag, .list, .table, .other: throw .wrongType(found: input.typeName)
                }
            },
            write: { String($0) },
            narrowerShape: .wholeNumber(range)
        )
    }
}

extension SettingReader where Value == ByteSize {
    static func size(in range: ClosedRange<ByteSize>) -> SettingReader {
        SettingReader(
            form: .text,
            expected: "a size such as \"5GB\" or \"5GiB\"",
            read: { input, _ throws(SettingProblem) in
                let text = try input.requireText()
                return try bounded(parse(text) { try ByteSize(parsing: text) }, range)
            },
            write: { quoted($0.description) }
        )
    }
}

extension SettingReader where Value == TimeSpan {
    static func time(in range: ClosedRange<TimeSpan>) -> SettingReader {
        SettingReader(
            form: .text,
            expected: "a time such as \"30s\", \"12h\" or \"90d\"",
            read: { input, _ throws(SettingProblem) in
                let text = try input.requireText()
                return try bounded(parse(text) { try TimeSpan(parsing: text) }, range)
            },
            write: { quoted($0.description) }
        )
    }
}

extension SettingReader where Value == UInt32 {
    /// Permission bits in octal, as `chmod` takes them.
    static let fileMode = SettingReader(
        form: .text,
        expected: "permission bits in octal such as \"0660\"",
        read: { input, _ throws(SettingProblem) in
            let text = try input.requireText()
            guard (3...4).contains(text.count), let mode = UInt32(text, radix: 8), mode <= 0o777
            else { throw .malformed(text, reason: "is not three or four octal digits") }
            return mode
        },
        write: { quoted("0" + String($0, radix: 8)) }
    )
}

extension SettingReader where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    static var choice: SettingReader {
        let words = Value.allCases.map(\.rawValue)
        let names = words.map { quoted($0) }.joined(separator: ", ")
        return SettingReader(
            form: .text,
            expected: "one of \(names)",
            read: { input, _ throws(SettingProblem) in
                let text = try input.requireText()
                guard let value = Value(rawValue: text) else {
                    throw .malformed(text, reason: "is none of them")
                }
                return value
            },
            write: { quoted($0.rawValue) },
            narrowerShape: .choice(words)
        )
    }
}

extension SettingInput {
    func requireText() throws(SettingProblem) -> String {
        guard case .text(let text) = self else { throw .wrongType(found: typeName) }
        return text
    }

    func requireTexts() throws(SettingProblem) -> [String] {
        guard case .list(let items) = self else { throw .wrongType(found: typeName) }
        var texts: [String] = []
        for item in items {
            guard case .text(let text) = item else {
                throw .wrongType(found: "an array with \(item.typeName) in it")
            }
            guard !texts.contains(text) else { throw .duplicate(text) }
            texts.append(text)
        }
        return texts
    }
}

private func bounded<Value: Comparable>(
    _ value: Value,
    _ range: ClosedRange<Value>
) throws(SettingProblem) -> Value {
    guard range.contains(value) else {
        throw .outOfRange("\(value)", lowest: "\(range.lowerBound)", highest: "\(range.upperBound)")
    }
    return value
}

private func parse<Value>(
    _ text: String,
    _ body: () throws -> Value
) throws(SettingProblem) -> Value {
    do {
        return try body()
    } catch let error as ByteSize.ParseError {
        throw .malformed(text, reason: error.reason)
    } catch let error as TimeSpan.ParseError {
        throw .malformed(text, reason: error.reason)
    } catch {
        throw .malformed(text, reason: "cannot be read")
    }
}

/// A basic string of TOML.
func quoted(_ text: String) -> String {
    let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    return "\"\(escaped)\""
}

extension ByteSize.ParseError {
    /// Continues the sentence `"SIZE" …`.
    var reason: String {
        switch self {
        case .noNumber: "does not start with a whole number"
        case .unknownUnit(""): "has no unit; write for example \"100GB\""
        case .unknownUnit(let unit):
            "has the unit \"\(unit)\"; units are B, kB, MB, GB, TB, KiB, MiB, GiB, TiB"
        case .tooLarge: "is too large"
        }
    }
}

extension TimeSpan.ParseError {
    /// Continues the sentence `"TIME" …`.
    var reason: String {
        switch self {
        case .noNumber: "does not start with a whole number"
        case .unknownUnit(""): "has no unit; write for example \"30s\""
        case .unknownUnit(let unit): "has the unit \"\(unit)\"; units are s, m, h, d"
        case .tooLarge: "is too large"
        }
    }
}
