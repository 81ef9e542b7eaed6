// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// Files of installed Debian packages, cut into parts that become store paths.
///
/// They are what real closures are made of (documentation, headers, Python modules, libraries), and
/// there without a download. Only `/usr` is taken: what lies there is the distribution's, not the
/// user's.
struct DebianPackages {
    /// Some files of one package.
    struct Part {
        let name: String
        let files: [String]
        let sizeBytes: Int
    }

    let parts: [Part]

    var totalBytes: Int { parts.reduce(0) { $0 + $1.sizeBytes } + Self.largeBytes }

    /// At least as many paths and bytes, so that no server has it all in a socket buffer.
    private static let wantedParts = 320
    private static let wantedBytes = 240 << 20
    /// A part is no larger, or many small paths would be a small share of the bytes.
    private static let largestPartBytes = 2 << 20
    private static let filesInPart = 400
    /// One path is a single large file, for ranges and slow streams.
    static let largeBytes = 96 << 20

    /// Chooses parts of all sizes, the same ones as long as the same packages are installed.
    static func choose() throws -> DebianPackages {
        let all = try allParts().sorted { ($0.sizeBytes, $0.name) > ($1.sizeBytes, $1.name) }
        let step = max(all.count / wantedParts, 1)
        var chosen = all.enumerated().filter { $0.offset % step == step - 1 }.map(\.element)
        var sizeBytes = chosen.reduce(0) { $0 + $1.sizeBytes }
        for part in all.enumerated().filter({ $0.offset % step != step - 1 }).map(\.element) {
            guard sizeBytes < wantedBytes else { break }
            chosen.append(part)
            sizeBytes += part.sizeBytes
        }
        guard !chosen.isEmpty else { throw NoPackages() }
        return DebianPackages(parts: chosen)
    }

    /// dpkg's lists of files are not on this machine.
    struct NoPackages: Error, CustomStringConvertible {
        let description = "no Debian packages here to make a closure of; name a store path"
    }

    /// A derivation a part, which refers to two earlier ones; they copy with `cp`.
    ///
    /// The file lists are inputs by name, so that the same files give the same store paths.
    func expression(listsIn folder: String) throws -> String {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let entries = try parts.map { part in
            let list = "\(folder)/\(part.name)"
            try Data(part.files.joined(separator: "\n").utf8).write(to: URL(filePath: list))
            return "{ name = \"\(part.name)\"; size = \"\(part.sizeBytes)\"; }"
        }
        return """
            let
              parts = [
                \(entries.joined(separator: "\n    "))
              ];
              build = name: script: derivation {
                inherit name;
                system = builtins.currentSystem;
                builder = "/bin/sh";
                args = [ "-euc" script ];
                PATH = "/usr/bin:/bin";
              };
              paths = builtins.genList path (builtins.length parts);
              at = builtins.elemAt paths;
              path = n: let part = builtins.elemAt parts n; in build part.name ''
                # ${part.size}
                mkdir $out
                xargs -d '\\n' cp --parents -P -t $out -- <\(folder)/${part.name}
                echo "${if n == 0 then "" else "${at (n / 2)} ${at (n / 3)}"}" >$out/needs
              '';
              large = build "large" ''
                mkdir $out
                cat /usr/lib/*/*.so* /usr/bin/* 2>/dev/null | head -c \(Self.largeBytes) >$out/large
              '';
            in build "bench-top" ''
              echo "${toString paths} ${large}" >$out
            ''
            """
    }

    private static func allParts() throws -> [Part] {
        let folder = "/var/lib/dpkg/info"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        var parts: [Part] = []
        for name in names.filter({ $0.hasSuffix(".list") }).sorted() {
            let list = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
            let package = name.dropLast(5).prefix { $0 != ":" }
            parts += cut(list.split(separator: "\n").map(String.init), of: String(package))
        }
        return parts
    }

    private static func cut(_ lines: [String], of package: String) -> [Part] {
        var parts: [Part] = []
        var files: [String] = []
        var sizeBytes = 0
        func finish() {
            defer { (files, sizeBytes) = ([], 0) }
            guard !files.isEmpty else { return }
            let name = "\(package)-\(parts.count)"
            parts.append(Part(name: name, files: files, sizeBytes: sizeBytes))
        }
        for line in lines where line.hasPrefix("/usr/") {
            guard let size = sizeToCopy(line), size <= largestPartBytes else { continue }
            if files.count == filesInPart || sizeBytes + size > largestPartBytes { finish() }
            files.append(line)
            sizeBytes += size
        }
        finish()
        return parts
    }

    /// - Returns: `nil` for what is no readable plain file; a symlink has no bytes.
    private static func sizeToCopy(_ path: String) -> Int? {
        guard let facts = try? FileManager.default.attributesOfItem(atPath: path) else {
            return nil
        }
        switch facts[.type] as? FileAttributeType {
        case .typeRegular: return facts[.size] as? Int
        case .typeSymbolicLink: return 0
        default: return nil
        }
    }
}
