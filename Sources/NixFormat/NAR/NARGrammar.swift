// SPDX-License-Identifier: Apache-2.0

/// What may come next in a NAR.
enum NARGrammar: Sendable {
    case archive
    case nodeOpen
    case typeWord
    case type
    case fileField
    case executableValue
    case contentsWord
    case contentLength
    case contents
    case contentPadding
    case fileClose
    case targetWord
    case target
    case symlinkClose
    case directoryItem
    case entryOpen
    case nameWord
    case name
    case nodeWord
    case entryClose
    case end
    case complete

    /// The strings that may come here; none where any may, or where no string comes.
    var words: [String] {
        switch self {
        case .archive: ["nix-archive-1"]
        case .nodeOpen, .entryOpen: ["("]
        case .typeWord: ["type"]
        case .type: ["regular", "symlink", "directory"]
        case .fileField: ["executable", "contents"]
        case .executableValue: [""]
        case .contentsWord: ["contents"]
        case .fileClose, .symlinkClose, .entryClose: [")"]
        case .targetWord: ["target"]
        case .directoryItem: ["entry", ")"]
        case .nameWord: ["name"]
        case .nodeWord: ["node"]
        case .contentLength, .contents, .contentPadding, .target, .name, .end, .complete: []
        }
    }
}
