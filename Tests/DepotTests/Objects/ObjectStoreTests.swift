// SPDX-License-Identifier: Apache-2.0
import Depot
import Foundation
import Testing

@Suite struct DirectoryObjectStoreTests {
    @Test(arguments: ObjectStoreRule.all)
    func keepsTheObjectStoreRules(_ rule: ObjectStoreRule) throws {
        try TestDepot.withDirectory { test in
            try rule.check { try DirectoryObjectStore(test.directory) }
        }
    }

    @Test func readsFromALocalFile() throws {
        try TestDepot.withDirectory { test in
            let store = try DirectoryObjectStore(test.directory)
            try store.put(Sample(1).key, [1, 2, 3])
            let object = try #require(try store.open(Sample(1).key))
            var status = stat()
            let descriptor = try #require(object.localDescriptor)
            #expect(unsafe fstat(descriptor, &status) == 0)
            #expect(status.st_size == 3)
        }
    }

    @Test func whatIsNoFileOfOursIsNeitherObjectNorText() throws {
        try TestDepot.withDirectory { test in
            let store = try DirectoryObjectStore(test.directory)
            let key = try Sample(1).key
            let manager = FileManager.default
            try manager.createSymbolicLink(
                atPath: test.path(of: key),
                withDestinationPath: "/etc/passwd"
            )
            try manager.createDirectory(
                atPath: test.narInfoPath(of: key),
                withIntermediateDirectories: false
            )
            #expect(try store.find(key) == nil)
            #expect(try store.open(key) == nil)
            #expect(try store.read(.narInfo(key.storeHash)) == nil)
            let foreign: Set<StoredName> = [
                .foreign("nar/\(key)"), .foreign("\(key.storeHash).narinfo"),
            ]
            #expect(try store.names() == foreign)
        }
    }
}

@Suite struct MemoryObjectStoreTests {
    @Test(arguments: ObjectStoreRule.all)
    func keepsTheObjectStoreRules(_ rule: ObjectStoreRule) throws {
        let store = MemoryObjectStore()
        try rule.check { store }
    }
}
