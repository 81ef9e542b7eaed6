// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// Programs and libraries of two Debian releases as store paths whose programs and scripts refer to each
/// other: run paths and interpreters point into the store, so that a rebuild changes hashes in them.
struct DeltaCorpusStore {
    let store: TemporaryNixStore
    /// The first release; the same with other hashes; the next release; the first rebuilt with every
    /// eighth package of the next.
    let old: String
    let rebuilt: String
    let upgraded: String
    let routine: String

    static func open() async throws -> DeltaCorpusStore {
        let cache = try ClosureSource.cacheFolder()
        let folder = "\(cache)/delta-corpus"
        try await Command("scripts/delta-corpus", [folder]).run(deadline: .seconds(1_800))
            .requireSuccess()
        let store = try TemporaryNixStore(root: "\(cache)/delta-store", home: "\(cache)/home")
        let releases = try ["bookworm", "trixie"].map { try versions("\(folder)/\($0)") }
        // In the order of the first release; a name that only one of them has is left out.
        let names = releases[0].keys.filter { releases[1][$0] != nil }.sorted()
        guard !names.isEmpty else { throw Failure(description: "no packages in \(folder)") }
        progress("building four closures of \(names.count) packages")
        let make: ([Int], String) async throws -> String = { choice, salt in
            let packages = zip(names, choice).map { name, release in
                let version = releases[release][name] ?? "0"
                let files = "\(folder)/\(["bookworm", "trixie"][release])/\(name)"
                return "{ name = \"\(name)-\(version)\"; files = \"\(files)\"; }"
            }
            return try await store.build(expression(packages, salt: salt))[0]
        }
        let all = names.indices
        return DeltaCorpusStore(
            store: store,
            old: try await make(all.map { _ in 0 }, "a"),
            rebuilt: try await make(all.map { _ in 0 }, "b"),
            upgraded: try await make(all.map { _ in 1 }, "a"),
            routine: try await make(all.map { $0 % 8 == 3 ? 1 : 0 }, "b")
        )
    }

    private static func versions(_ folder: String) throws -> [String: String] {
        let text = try String(contentsOfFile: "\(folder)/versions", encoding: .utf8)
        let pairs = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        return Dictionary(pairs.map { ($0[0], $0[1]) }) { $1 }
    }

    /// Each refers to three others, as a program does to its libraries.
    private static func expression(_ packages: [String], salt: String) -> String {
        """
        let
          packages = [ \(packages.joined(separator: " ")) ];
          count = builtins.length packages;
          script = ''
            mkdir $out
            cp -r --no-preserve=ownership $files/. $out/
            chmod -R u+w $out
            find $out -type f | while read -r file; do
              case $(head -c 4 "$file" | tr -d '\\0') in
                *ELF*)
                  case $file in
                    */ld-linux*|*.o|*/libc.so*|*.debug) ;;
                    *) patchelf --set-rpath $libraries:$out/lib "$file" 2>/dev/null || true ;;
                  esac ;;
                '#!'*) sed -i "1s|^#! */|#!$interpreter/|" "$file" ;;
              esac
            done
            echo $libraries $interpreter $out > $out/references
          '';
          at = builtins.elemAt paths;
          paths = builtins.genList path count;
          path = n: let package = builtins.elemAt packages n; in derivation {
            inherit (package) name files;
            salt = "\(salt)";
            system = builtins.currentSystem;
            builder = "/bin/sh";
            args = [ "-euc" script ];
            PATH = "/usr/bin:/bin";
            libraries = if n == 0 then "/lib" else "${at (n / 2)}/lib:${at (n / 3)}/lib";
            interpreter = if n == 0 then "" else "${at 0}";
          };
        in derivation {
          name = "delta-top-1.0";
          system = builtins.currentSystem;
          builder = "/bin/sh";
          args = [ "-euc" "echo $paths > $out" ];
          PATH = "/usr/bin:/bin";
          inherit paths;
          salt = "\(salt)";
        }
        """
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }
}
