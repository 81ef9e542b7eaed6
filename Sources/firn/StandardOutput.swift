// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Where results go, unbuffered: `print` would keep them back from a pipe until the exit.
enum StandardOutput {
    static func write(_ line: String) {
        try? FileHandle.standardOutput.write(contentsOf: Data("\(line)\n".utf8))
    }
}
