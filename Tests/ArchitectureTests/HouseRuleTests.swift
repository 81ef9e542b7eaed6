// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// Rules of CONTRIBUTING.md that neither the compiler nor the formatter keeps.
@Suite struct HouseRuleTests {
    private static let folders = ["Sources", "Tests"]

    @Test(arguments: folders)
    func everyFileNamesItsLicence(_ folder: String) throws {
        for (file, text) in try SourceTree.swiftFiles(below: folder) {
            let names = text.hasPrefix("// SPDX-License-Identifier: Apache-2.0\n")
            #expect(names, "\(file) does not start with the SPDX line")
        }
    }

    @Test(arguments: folders)
    func fileNamesNameATopic(_ folder: String) throws {
        // Not \b: Unicode sees no boundary between the name and the dot of its suffix.
        let grabBag = /(?:Utils?|Common|Extras|Helpers?|Manager|Misc|Impl)[+.\/]/
        for (file, _) in try SourceTree.swiftFiles(below: folder) {
            let isGrabBag = file.contains(grabBag)
            #expect(!isGrabBag, "\(file) does not say what is inside")
        }
    }

    @Test func onlyTheFormatsArePublic() throws {
        let publicDeclaration =
            /(?m)^\s*public (?:final |static |indirect )*(?:actor|class|enum|extension|func|init|let|protocol|struct|typealias|var)\b/
        for (file, text) in try SourceTree.swiftFiles(below: "Sources")
        where !file.hasPrefix("NixFormat/") {
            let promises = text.contains(publicDeclaration)
            #expect(!promises, "\(file) declares something public; rooms use package")
        }
    }

    @Test func nothingTrapsOnPurposeWithoutASentence() throws {
        let trap = /\b(?:fatalError\(|try!|preconditionFailure\(\))/
        for (file, text) in try SourceTree.swiftFiles(below: "Sources") {
            let traps = text.contains(trap)
            #expect(!traps, "\(file) has a trap that input could reach")
        }
    }

    /// The code that says "we do not check here" must say why that is safe.
    @Test func promisesToTheCompilerAreExplained() throws {
        for (file, text) in try SourceTree.swiftFiles(below: "Sources") {
            let promises = text.matches(of: /@unchecked Sendable|nonisolated\(unsafe\)/).count
            let reasons = text.matches(of: /SAFETY:/).count
            #expect(promises <= reasons, "\(file) has a promise without a SAFETY line")
        }
    }

    @Test(arguments: [("README.md", 150), ("ARCHITECTURE.md", 200), ("CONTRIBUTING.md", 120)])
    func pagesStayShort(_ page: String, _ mostLines: Int) throws {
        let url = SourceTree.root.appending(path: page)
        let lines = try String(contentsOf: url, encoding: .utf8).split(
            separator: "\n",
            omittingEmptySubsequences: false
        )
        #expect(lines.count - 1 <= mostLines)
    }

    /// A link from page to page that leads nowhere.
    @Test func linksBetweenPagesLeadSomewhere() throws {
        let manager = FileManager.default
        let root = SourceTree.root
        let pages = try manager.contentsOfDirectory(atPath: root.path()).filter {
            $0.hasSuffix(".md")
        }
        let inner = try manager.subpathsOfDirectory(atPath: root.appending(path: "docs").path())
            .filter { $0.hasSuffix(".md") }.map { "docs/\($0)" }
        for page in pages + inner {
            let url = root.appending(path: page)
            let text = try String(contentsOf: url, encoding: .utf8)
            for link in text.matches(of: /\]\((?!https?:|mailto:|#)([^)#\s]+)/) {
                let target = url.deletingLastPathComponent().appending(path: String(link.1))
                let exists = manager.fileExists(atPath: target.standardizedFileURL.path())
                #expect(exists, "\(page) links to \(link.1)")
            }
        }
    }
}
