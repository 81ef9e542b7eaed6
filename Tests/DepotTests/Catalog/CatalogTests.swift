// SPDX-License-Identifier: Apache-2.0
import Depot
import Foundation
import Testing

@Suite struct SQLiteCatalogTests {
    @Test(arguments: CatalogRule.all)
    func keepsTheCatalogRules(_ rule: CatalogRule) throws {
        try withCatalog { try rule.check($0) }
    }

    @Test(arguments: MemberRule.all)
    func keepsTheMemberRules(_ rule: MemberRule) throws {
        try withCatalog { try rule.check($0) }
    }

    @Test(arguments: RegistryRule.all)
    func keepsTheRegistryRules(_ rule: RegistryRule) throws {
        try withCatalog { try rule.check($0) }
    }

    private func withCatalog(_ body: (() throws -> SQLiteCatalog) throws -> Void) throws {
        try TestDepot.withDirectory { test in
            try FileManager.default
                .createDirectory(atPath: test.directory, withIntermediateDirectories: true)
            try body {
                try SQLiteCatalog.open(directory: test.directory, logger: TestDepot.silent)
            }
        }
    }
}

@Suite struct MemoryCatalogTests {
    @Test(arguments: CatalogRule.all)
    func keepsTheCatalogRules(_ rule: CatalogRule) throws {
        let catalog = MemoryCatalog()
        try rule.check { catalog }
    }

    @Test(arguments: MemberRule.all)
    func keepsTheMemberRules(_ rule: MemberRule) throws {
        let catalog = MemoryCatalog()
        try rule.check { catalog }
    }

    @Test(arguments: RegistryRule.all)
    func keepsTheRegistryRules(_ rule: RegistryRule) throws {
        let catalog = MemoryCatalog()
        try rule.check { catalog }
    }
}
