// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// `[depot] location = "none"`: what is asked for is served, and nothing is kept.
@Suite struct NoDepotTests {
    @Test func aFirnWithoutADepotServesEveryFormAndKeepsNothing() async throws {
        try await withNixStore { store in
            let paths = try await store.buildSmall()
            var setup = ServerSetup(storeRoot: store.root)
            setup.compression = "zstd"
            setup.environment["FIRN_DEPOT_LOCATION"] = "none"
            try await withServer(setup) { server in
                for path in paths {
                    let target = try await server.narTarget(of: path)
                    #expect(target.hasSuffix(".nar"), "nothing is packed ahead, so nothing offered")
                    let whole = try await server.get(target)
                    #expect(whole.status == 200 && whole.isComplete)
                    // A client may remember this form from a time when there was a depot.
                    let packed = try await server.get("\(target).zst")
                    #expect(packed.status == 200 && packed.isComplete)
                    #expect(packed.body.starts(with: [0x28, 0xB5, 0x2F, 0xFD]))
                    #expect(try await server.narTarget(of: path) == target)
                }
                #expect(!FileManager.default.fileExists(atPath: "\(server.state)/depot"))
                let ready = try await server.get("/readyz")
                #expect(ready.status == 200)
                #expect(!ready.text.contains("depot"))
                let metrics = try await server.get("/metrics")
                #expect(!metrics.text.contains("\nfirn_depot_bytes "))
            }
        }
    }
}
