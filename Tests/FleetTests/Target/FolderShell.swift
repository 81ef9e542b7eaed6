// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import Foundation
import NixFormat
import Synchronization

/// A shell into this machine, for what needs no host.
struct FolderShell: RemoteShell {
    /// Each script that was sent.
    final class Scripts: Sendable {
        let all = Mutex<[String]>([])
    }

    let hostName = "here"
    let scripts = Scripts()
    /// Where programmes are found first.
    var folder: String?

    func run(_ request: RemoteRequest) async throws -> RemoteAnswer {
        scripts.all.withLock { $0.append(String(decoding: request.input, as: UTF8.self)) }
        return try await withTemporaryDirectory { directory in
            var command = Command(request.words[0], Array(request.words.dropFirst()))
            if let folder {
                let path = command.environment["PATH"] ?? ""
                command.environment["PATH"] = "\(folder):\(path)"
            }
            let input = directory.path("input")
            try Data(request.input).write(to: URL(filePath: input))
            command.inputPath = input
            let outcome = try await command.run(deadline: request.deadline)
            return RemoteAnswer(
                exitCode: outcome.status,
                output: outcome.output,
                errors: Array(outcome.errors.utf8)
            )
        }
    }
}

/// What a host answers that is none.
struct ScriptedShell: RemoteShell {
    let hostName = "samsung"
    let answer: @Sendable (RemoteRequest) throws -> RemoteAnswer

    func run(_ request: RemoteRequest) async throws -> RemoteAnswer { try answer(request) }
}

extension RemoteAnswer {
    init(_ text: String, errors: String = "", exitCode: Int32 = 0) {
        self.init(exitCode: exitCode, output: Array(text.utf8), errors: Array(errors.utf8))
    }
}

extension TargetPlaces {
    /// A machine that is a folder.
    init(in directory: TemporaryDirectory) throws {
        self.init()
        profile = directory.path("profiles/system")
        run = try directory.makeDirectory("run")
        state = directory.path("state")
        boot = try directory.makeDirectory("boot")
        roots = directory.path("roots")
        powerSupplies = try directory.makeDirectory("power")
        store = try StoreDirectory(parsing: try directory.makeDirectory("store"))
        try directory.makeDirectory("profiles")
    }
}
