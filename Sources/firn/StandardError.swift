// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Where progress, warnings and errors go; standard output is for results.
enum StandardError {
    static func write(_ line: String) {
        try? FileHandle.standardError.write(contentsOf: Data("\(line)\n".utf8))
    }
}
