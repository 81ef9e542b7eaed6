// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

extension ConfigurationLoader {
    /// One that looks where this process was started, by whom and with which variables; `file` is what
    /// was named with `--config`.
    static func ofThisProcess(file: String?) -> ConfigurationLoader {
        var loader = ConfigurationLoader(
            environment: ProcessInfo.processInfo.environment,
            currentDirectory: FileManager.default.currentDirectoryPath,
            isRoot: geteuid() == 0,
            processID: getpid(),
            fileExists: { FileManager.default.fileExists(atPath: $0) }
        )
        loader.namedFile = file
        return loader
    }
}
