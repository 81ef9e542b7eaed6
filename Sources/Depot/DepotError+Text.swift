// SPDX-License-Identifier: Apache-2.0
import Glibc

extension DepotError: CustomStringConvertible {
    /// One line for an operator.
    package var description: String {
        switch self {
        case .inUse(let directory, let process):
            "\(directory) is in use" + (process.map { " by process \($0)" } ?? "")
        case .madeByNewerFirn(let directory): "\(directory) was made by a newer Firn"
        case .madeForAnotherStore(let directory, let found, let expected):
            "\(directory) is for \(found.map { "\($0)" } ?? "another store"), not for \(expected)"
        case .holdsMoreThanMaximum(let stored, let maximum):
            "\(stored) bytes are kept, more than the \(maximum) allowed"
        case .full(let needed, let maximum):
            "no room for \(needed) more bytes below \(maximum), and nothing more can go"
        case .diskFull: "the disk is full"
        case .alreadyStored(let key): "\(key) is here already"
        case .alreadyBeingWritten(let key): "\(key) is being written already"
        case .mismatch(let key, let actual): "the bytes for \(key) have the hash \(actual)"
        case .describesAnotherNAR(let key, let path):
            "the narinfo of \(path) is not about \(key)"
        case .file(let operation, let path, let code):
            unsafe "\(operation) \(path): \(String(cString: strerror(code)))"
        case .storage(let problem): "\(problem)"
        case .catalogUnavailable(let cause): "the catalog: \(cause)"
        }
    }
}

extension SQLiteCatalog.RowDefect: CustomStringConvertible {
    var description: String { "the row of \(name) cannot be read" }
}
