// SPDX-License-Identifier: Apache-2.0

import NixFormat
import Testing

@Suite struct CacheInfoTests {
    @Test func fileOfNixIsRead() throws {
        let info = try CacheInfo(parsing: try Fixture.text("nix/cache/nix-cache-info"))
        #expect(info.storeDirectory == .standard)
        #expect(info.priority == nil)
    }

    @Test func textComesBack() throws {
        let info = CacheInfo(storeDirectory: .standard, wantsMassQuery: true, priority: 30)
        #expect(info.description == "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 30\n")
        #expect(try CacheInfo(parsing: info.description) == info)
        let bare = CacheInfo(storeDirectory: nil, wantsMassQuery: false, priority: nil)
        #expect(try CacheInfo(parsing: String(decoding: bare.write(), as: UTF8.self)) == bare)
    }

    @Test func whatIsUnknownIsIgnored() throws {
        let info = try CacheInfo(parsing: "hello\nFuture: 1\nWantMassQuery: true\nPriority:  7 \n")
        #expect(info == CacheInfo(storeDirectory: nil, wantsMassQuery: false, priority: 7))
    }

    @Test func errorsTellWhere() {
        #expect(throws: CacheInfo.ParseError.invalidPriority(byteOffset: 27)) {
            try CacheInfo(parsing: "WantMassQuery: 1\nPriority: high\n")
        }
        let expected = CacheInfo.ParseError.invalidStoreDirectory(.notAbsolute, byteOffset: 10)
        #expect(throws: expected) { try CacheInfo(parsing: "StoreDir: store\n") }
    }
}
