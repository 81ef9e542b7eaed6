// SPDX-License-Identifier: Apache-2.0

/// The last lines of a terminal, drawn anew in their place.
struct RedrawnLines: Sendable {
    private var count = 0

    /// What has to be written so that these lines stand where the last ones stood; none erases those.
    mutating func show(_ lines: [String]) -> String {
        let home = count == 0 ? "" : "\u{1B}[\(count)A\r"
        count = lines.count
        return home + lines.map { "\($0)\u{1B}[K\n" }.joined() + "\u{1B}[J"
    }
}
