// SPDX-License-Identifier: Apache-2.0
import Depot
import Foundation
import NixFormat
import Testing

@Suite struct DepotOpeningTests {
    @Test func directoriesAreMadeForTheirOwnerOnly() throws {
        try TestDepot.withDirectory { parent in
            let test = TestDepot(directory: parent.directory + "/a/b/depot")
            _ = try test.open()
            for name in ["", "/nar", "/unfinished"] {
                let attributes = try FileManager.default
                    .attributesOfItem(atPath: test.directory + name)
                #expect(attributes[.posixPermissions] as? Int == 0o700)
            }
        }
    }

    @Test func aSecondOneIsRefusedWhileTheFirstIsOpen() throws {
        try TestDepot.withDirectory { test in
            var depot: NARDepot? = try test.open()
            #expect { try test.open() } throws: { error in
                guard case DepotError.inUse(test.directory, let holder) = error else {
                    return false
                }
                return holder == getpid()
            }
            #expect(depot != nil)
            depot = nil
            _ = try test.open()
        }
    }

    @Test func aMissingCatalogIsMadeFromTheObjects() throws {
        try TestDepot.withDirectory { test in
            try fill(test)
            for suffix in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(
                    atPath: "\(test.directory)/catalog.sqlite\(suffix)"
                )
            }
            #expect(try test.verifyAtRest().count == 5)
        }
    }

    @Test func aDamagedCatalogIsSetAsideAndMadeFromTheObjects() throws {
        for damage in [Data(), Data("no database".utf8), Data(repeating: 0xFF, count: 40_000)] {
            try TestDepot.withDirectory { test in
                try fill(test)
                for suffix in ["-wal", "-shm"] {
                    let path = "\(test.directory)/catalog.sqlite\(suffix)"
                    try? FileManager.default.removeItem(atPath: path)
                }
                try damage.write(to: URL(filePath: "\(test.directory)/catalog.sqlite"))
                #expect(try test.verifyAtRest().count == 5)
            }
        }
    }

    @Test func aPageOverwrittenInTheMiddleIsFoundAndRepaired() throws {
        try TestDepot.withDirectory { test in
            try fill(test)
            let path = "\(test.directory)/catalog.sqlite"
            let size = try Data(contentsOf: URL(filePath: path)).count
            for page in 1..<size / 4096 {
                let file = try #require(FileHandle(forUpdatingAtPath: path))
                try file.seek(toOffset: UInt64(page * 4096))
                try file.write(contentsOf: Data(repeating: 0xAA, count: 4096))
                try file.close()
                // Damage shows at the start or in the middle of use; the start after that is good.
                if let depot = try? test.open() { _ = try? depot.find(Sample(1).key) }
                if let depot = try? test.open() { _ = try? depot.list(limit: 10) }
                #expect(try test.verifyAtRest().count == 5, "page \(page)")
            }
        }
    }

    @Test func identityObjectsOfARebuiltCatalogAreHeldAgainstTheirName() throws {
        try TestDepot.withDirectory { test in
            let sample = try Sample(1, form: .identity)
            try test.open().put(sample)
            try FileManager.default.removeItem(atPath: "\(test.directory)/catalog.sqlite")
            var bytes = sample.bytes
            bytes[7] ^= 1
            try Data(bytes).write(to: URL(filePath: test.path(of: sample.key)))
            #expect(try test.open().find(sample.key) == nil)
            #expect(try test.verifyAtRest().isEmpty)
        }
    }

    @Test func whatIsNoObjectIsLeftAlone() throws {
        try TestDepot.withDirectory { test in
            _ = try test.open()
            let stranger = URL(filePath: "\(test.directory)/nar/readme.txt")
            try Data("hello".utf8).write(to: stranger)
            try FileManager.default.removeItem(atPath: "\(test.directory)/catalog.sqlite")
            #expect(try test.open().usage().objects == 0)
            #expect(try Data(contentsOf: stranger).count == 5)
        }
    }

    @Test func aDepotOfANewerFirnIsNotTouched() throws {
        try TestDepot.withDirectory { test in
            try fill(test)
            let path = "\(test.directory)/catalog.sqlite"
            // The same bytes as if a migration that we do not know had been applied.
            var catalog = try Data(contentsOf: URL(filePath: path))
            while let name = catalog.range(of: Data("001-create-object".utf8)) {
                catalog.replaceSubrange(name, with: Data("999-create-object".utf8))
            }
            try catalog.write(to: URL(filePath: path))
            try Data([1]).write(to: URL(filePath: "\(test.directory)/unfinished/x"))
            #expect { try test.open() } throws: { error in
                guard case DepotError.madeByNewerFirn(test.directory) = error else { return false }
                return true
            }
            #expect(try test.names(in: "nar").count == 5)
            #expect(try test.names(in: "unfinished") == ["x"])
        }
    }

    @Test func aBoundBelowWhatIsThereIsRefusedAndNothingRemoved() throws {
        try TestDepot.withDirectory { test in
            try fill(test)
            #expect { try test.open(blocks: 8) } throws: { error in
                guard case DepotError.holdsMoreThanMaximum(40960, 32768) = error else {
                    return false
                }
                return true
            }
            #expect(try test.verifyAtRest(blocks: 10).count == 5)
        }
    }

    @Test func aBoundBelowWhatIsThereLeavesEvenLeftoversAlone() throws {
        try TestDepot.withDirectory { test in
            try fill(test)
            try Data([1]).write(to: URL(filePath: "\(test.directory)/unfinished/x"))
            #expect(throws: DepotError.self) { try test.open(blocks: 8) }
            #expect(try test.names(in: "unfinished") == ["x"])
            let depot = try test.open(blocks: 10)
            #expect(depot.opening == DepotOpening(leftovers: 1))
        }
    }

    @Test func aNewDepotIsABinaryCacheOfItsStore() throws {
        try TestDepot.withDirectory { test in
            _ = try test.open()
            let path = "\(test.directory)/nix-cache-info"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(text == "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n")
            // What somebody made of it stays, as long as the store is the same.
            let other = "StoreDir: /nix/store\nWantMassQuery: 0\nPriority: 7\n"
            try Data(other.utf8).write(to: URL(filePath: path))
            _ = try test.open()
            #expect(try String(contentsOfFile: path, encoding: .utf8) == other)
        }
    }

    @Test(arguments: ["StoreDir: /gnu/store\n", "WantMassQuery: 1\n", "\0"])
    func aDirectoryOfAnotherStoreIsNotTouched(cacheInfo: String) throws {
        try TestDepot.withDirectory { test in
            let manager = FileManager.default
            try manager.createDirectory(
                atPath: test.directory,
                withIntermediateDirectories: false
            )
            try Data(cacheInfo.utf8)
                .write(to: URL(filePath: "\(test.directory)/nix-cache-info"))
            #expect { try test.open() } throws: { error in
                guard
                    case DepotError.madeForAnotherStore(test.directory, let found, .standard) =
                        error
                else { return false }
                return found?.path == (cacheInfo.contains("gnu") ? "/gnu/store" : nil)
            }
            #expect(try test.names(in: ".") == ["nix-cache-info"])
        }
    }

    @Test func aDamagedObjectOfARebuiltCatalogIsHeldAgainstItsNARInfo() throws {
        try TestDepot.withDirectory { test in
            let sample = try Sample(1)
            try test.open().put(sample)
            try FileManager.default.removeItem(atPath: "\(test.directory)/catalog.sqlite")
            var bytes = sample.bytes
            bytes[7] ^= 1
            try Data(bytes).write(to: URL(filePath: test.path(of: sample.key)))
            #expect(try test.open().narInfo(for: sample.key.storeHash) == nil)
            #expect(try test.verifyAtRest().isEmpty)
        }
    }

    @Test func anUnusableDirectoryIsAnErrorWithItsPath() throws {
        try TestDepot.withDirectory { test in
            try Data().write(to: URL(filePath: test.directory))
            #expect { try test.open() } throws: { error in
                guard case DepotError.file(_, test.directory, ENOTDIR) = error else { return false }
                return true
            }
        }
    }

    private func fill(_ test: TestDepot) throws {
        let depot = try test.open()
        for number in 0..<5 {
            try depot.put(Sample(number, form: number % 2 == 0 ? .zstd : .identity))
        }
    }
}
