// SPDX-License-Identifier: Apache-2.0

/// Rows whose cells stand below one another, two spaces apart.
package struct TextTable: Sendable {
    package enum Side: Sendable { case left, right }

    package struct Cell: Sendable, ExpressibleByStringLiteral {
        package var text: String
        package var colour: TextStyle.Colour?

        package init(_ text: String, _ colour: TextStyle.Colour? = nil) {
            // What a server sent must not reach the terminal as a command to it.
            self.text = Printable.line(text)
            self.colour = colour
        }

        package init(stringLiteral text: String) { self.init(text) }
    }

    private enum Row {
        case cells([Cell])
        /// Stands alone, and has no say in the columns' widths.
        case note(Cell)
    }

    private let sides: [Side]
    private var rows: [Row] = []

    package init(_ sides: [Side]) {
        self.sides = sides
    }

    /// Adds a row; cells that are missing at its end stay empty.
    package mutating func add(_ cells: [Cell]) { rows.append(.cells(cells)) }

    package mutating func addNote(_ note: Cell) { rows.append(.note(note)) }

    /// The lines, without white space at their ends.
    package func lines(_ style: TextStyle) -> [String] {
        let widths = columnWidths
        return rows.map { row in
            switch row {
            case .note(let cell): style.apply(cell)
            case .cells(let cells): line(cells, widths, style)
            }
        }
    }

    private var columnWidths: [Int] {
        var widths = sides.map { _ in 0 }
        for case .cells(let cells) in rows {
            for (column, cell) in cells.enumerated() {
                widths[column] = max(widths[column], cell.text.count)
            }
        }
        return widths
    }

    private func line(_ cells: [Cell], _ widths: [Int], _ style: TextStyle) -> String {
        var line = ""
        var pending = 0
        for (column, cell) in cells.enumerated() {
            let space = widths[column] - cell.text.count
            pending += sides[column] == .right ? space : 0
            if !cell.text.isEmpty {
                line += String(repeating: " ", count: pending) + style.apply(cell)
                pending = 0
            } else {
                pending += cell.text.count
            }
            pending += (sides[column] == .left ? space : 0) + 2
        }
        return line
    }
}

extension TextStyle {
    fileprivate func apply(_ cell: TextTable.Cell) -> String {
        cell.colour.map { apply($0, to: cell.text) } ?? cell.text
    }
}

/// Text from elsewhere on its way to a person.
package enum Printable {
    /// The text on one line, without control characters.
    package static func line(_ text: String) -> String {
        let isPlain = text.unicodeScalars.allSatisfy { !isControl($0) }
        guard !isPlain else { return text }
        var line = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { line.append(isControl(scalar) ? " " : scalar) }
        return String(line)
    }

    /// Control characters, and those that turn the direction of writing around.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
