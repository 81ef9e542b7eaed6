// SPDX-License-Identifier: Apache-2.0
import Depot
import Foundation
import Testing

@Suite struct SQLiteCatalogTests {
    @Test(arguments: CatalogRule.all)
    func keepsTheCatalogRules(_ rule: CatalogRule) throws {
        try TestDepot.withDirectory { test in
            try FileManager.default
                .createDirectory(atPath: test.directory, withIntermediateDirectories: true)
            try rule.check {
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
}
