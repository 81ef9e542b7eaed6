// SPDX-License-Identifier: Apache-2.0

/// What is left of a file without the lines of one cache.
package struct Removal: Hashable, Sendable {
    /// `nil` where the file was made for these lines, and nothing else has come into it.
    package var bytes: [UInt8]?
    /// How many folders above the file may go if they are empty.
    package var folders: Int
    /// The permissions that the file had before.
    package var mode: UInt32?

    /// - Returns: `nil` where there are no such lines.
    package init?(
        of label: String,
        for owner: String? = nil,
        from marked: MarkedText,
        path: String,
        evenIfEdited: Bool
    ) throws(ConfChange.Failure) {
        guard let block = marked.blocks(of: label, for: owner).first else { return nil }
        guard block.isUntouched || evenIfEdited else {
            throw .edited(path: path, label: block.mark.label)
        }
        let rest = marked.removing(block)
        let isOurs = block.mark.madeFile && rest.isEmpty
        bytes = isOurs ? nil : rest
        folders = isOurs ? block.mark.madeFolders : 0
        mode = marked.blocks.count == 1 ? block.mark.formerMode : nil
    }
}
