// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

extension PushSuites {
    /// A sender's memory has nothing to do with what it sends.
    @Suite struct PushMemoryTests {
        /// 256 MB are promised for far more; a debug build is no smaller.
        private static let mostBytes = 256_000_000

        @Test func aLargePathAndManyFilesThatDoNotCompressStayWithinTheBound() async throws {
            try await withNixStore { store in
                let built = try await store.build(Self.expression)
                let own = PushSource(
                    store: store,
                    top: built[0],
                    paths: built,
                    lone: built[0],
                    large: built[1]
                )
                var settings = try PushSource.settings()
                settings.keepsBytes = false
                // A slow cache, so that what waits to be sent piles up.
                let fault: CachixStandIn.Faults = { call, _ in
                    call.method == "PUT" ? .delay(.milliseconds(200)) : nil
                }
                try await CachixStandIn.run(settings, fault: fault) { server in
                    let command = own.pushCommand(to: server, built)
                    let process = try command.start(
                        output: FileHandle.nullDevice,
                        errors: FileHandle.nullDevice
                    )
                    var most = 0
                    try await wait(for: "end of the push", within: .seconds(120)) {
                        most = max(most, process.peakResidentBytes ?? 0)
                        return process.exitStatus != nil
                    }
                    #expect(process.exitStatus == 0)
                    #expect(server.completed.count == built.count)
                    #expect(server.complaints == [])
                    #expect(most > 0 && most < Self.mostBytes, "\(most >> 20) MiB")
                }
            }
        }

        /// A sparse gigabyte, and 500 MB that do not compress in paths of 2 and of 40 MB.
        private static let expression = """
            let
              build = name: script: derivation {
                inherit name;
                system = builtins.currentSystem;
                builder = "/bin/sh";
                args = [ "-euc" script ];
                PATH = "/usr/bin:/bin:/run/current-system/sw/bin";
              };
              random = count: n: build "random-${count}-${toString n}"
                "head -c ${count} /dev/urandom > $out";
            in [ (build "sparse" "truncate -s 1G $out") ]
              ++ builtins.genList (random "40000000") 5
              ++ builtins.genList (random "2000000") 100
            """
    }
}
