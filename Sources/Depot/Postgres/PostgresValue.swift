// SPDX-License-Identifier: Apache-2.0

/// A parameter of a statement, which names its type by a cast.
///
/// - Shape: Text, as PostgreSQL writes the types; nothing of it becomes part of a statement.
enum PostgresValue: Sendable {
    case null
    case text(String)
    case integer(Int64)
    case boolean(Bool)
    case bytes([UInt8])
    case texts([String])
    case integers([Int64])
    /// Of `bytea`, for hashes that may be lacking.
    case optionalBytes([[UInt8]?])

    init(_ number: UInt64) { self = .integer(Int64(clamping: number)) }

    /// As it goes over the wire; `nil` for null.
    var wireText: String? {
        switch self {
        case .null: nil
        case .text(let text): text
        case .integer(let number): "\(number)"
        case .boolean(let isTrue): isTrue ? "t" : "f"
        case .bytes(let bytes): Self.hex(bytes)
        case .texts(let texts): Self.array(texts.map(Self.quoted))
        case .integers(let numbers): Self.array(numbers.map { "\($0)" })
        case .optionalBytes(let all):
            Self.array(all.map { $0.map { Self.quoted(Self.hex($0)) } ?? "NULL" })
        }
    }

    private static func array(_ elements: [String]) -> String {
        "{\(elements.joined(separator: ","))}"
    }

    private static func quoted(_ text: String) -> String {
        "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = Array("\\x".utf8)
        text.reserveCapacity(2 + 2 * bytes.count)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// A row of an answer: what each column says, as text.
struct PostgresRow: Sendable {
    let columns: [String?]

    func text(_ column: Int) throws(PostgresProblem) -> String {
        guard columns.indices.contains(column), let text = columns[column] else {
            throw .unreadable("column \(column)")
        }
        return text
    }

    func integer(_ column: Int) throws(PostgresProblem) -> Int64 {
        guard let number = Int64(try text(column)) else { throw .unreadable("column \(column)") }
        return number
    }

    /// A size, which is never negative.
    func size(_ column: Int) throws(PostgresProblem) -> UInt64 {
        guard let number = UInt64(try text(column)) else { throw .unreadable("column \(column)") }
        return number
    }

    func boolean(_ column: Int) throws(PostgresProblem) -> Bool { try text(column) == "t" }

    func isNull(_ column: Int) -> Bool {
        !columns.indices.contains(column) || columns[column] == nil
    }

    /// Of a column that was selected as `encode(…, 'hex')`; `nil` for null.
    func bytes(_ column: Int) throws(PostgresProblem) -> [UInt8]? {
        guard !isNull(column) else { return nil }
        let digits = Array(try text(column).utf8)
        guard digits.count % 2 == 0 else { throw .unreadable("column \(column)") }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Self.value(digits[index]), let low = Self.value(digits[index + 1])
            else { throw .unreadable("column \(column)") }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}

/// What a statement came to.
struct PostgresAnswer: Sendable {
    var rows: [PostgresRow] = []
    /// How many rows it changed.
    var changedCount = 0
    /// What was done, in one word.
    var tag = ""
}
