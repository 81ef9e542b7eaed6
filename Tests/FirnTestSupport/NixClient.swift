// SPDX-License-Identifier: Apache-2.0
import Foundation

/// One real Nix: this machine's own, or one of a folder that `scripts/nix-clients` made.
package struct NixClient: Sendable, CustomStringConvertible {
    /// The name of the Debian release it comes from, or `installed`.
    package let description: String
    /// The folder it lives in; `nil` is this machine itself.
    private let folder: String?

    /// Debian 12 ships 2.8.0, which is what `installed` is there.
    package static let installed = NixClient(description: "installed", folder: nil)
    package static let trixie = NixClient(release: "trixie")
    package static let sid = NixClient(release: "sid")

    package static let all = [installed, trixie, sid]

    private init(description: String, folder: String?) {
        self.description = description
        self.folder = folder
    }

    private init(release: String) {
        self.init(description: release, folder: "\(Self.folders)/\(release)")
    }

    /// Why it cannot be asked; `nil` when it can.
    package var whatIsMissing: String? {
        guard let folder, loader == nil else { return nil }
        return "scripts/nix-clients made no \(folder)"
    }

    /// A command of this client; its programmes are one binary that goes by the name it is given.
    package func command(
        _ program: String,
        _ arguments: [String],
        environment: [String: String]
    ) -> Command {
        guard let folder, let loader else {
            return Command(program, arguments, environment: environment)
        }
        let libraries = URL(filePath: loader).deletingLastPathComponent().path()
        let start = [
            "--library-path", "\(libraries):\(folder)/usr/lib", "--argv0", program,
            "\(folder)/usr/bin/nix",
        ]
        return Command(loader, start + arguments, environment: environment)
    }

    /// An environment in which a Nix sees no configuration and no cache of anybody's.
    package static func isolatedEnvironment(home: String) -> [String: String] {
        Command.plainEnvironment.merging([
            "HOME": home,
            "NIX_CONF_DIR": "\(home)/nix-conf",
            "NIX_USER_CONF_FILES": "",
            "XDG_CACHE_HOME": "\(home)/cache",
            "TMPDIR": NSTemporaryDirectory(),
        ]) { $1 }
    }

    private static var folders: String {
        let environment = ProcessInfo.processInfo.environment
        let home = environment["HOME"] ?? "/root"
        let caches = environment["XDG_CACHE_HOME"] ?? "\(home)/.cache"
        return environment["FIRN_NIX_CLIENTS"] ?? "\(caches)/firn/nix-clients"
    }

    private var loader: String? {
        guard let folder else { return nil }
        let libraries = "\(folder)/usr/lib"
        let architectures = (try? FileManager.default.contentsOfDirectory(atPath: libraries)) ?? []
        for architecture in architectures where architecture.hasSuffix("-linux-gnu") {
            let folder = "\(libraries)/\(architecture)"
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            if let name = names.first(where: { $0.hasPrefix("ld-linux") }) {
                return "\(folder)/\(name)"
            }
        }
        return nil
    }
}
