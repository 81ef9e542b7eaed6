// SPDX-License-Identifier: Apache-2.0
import Depot
import NixFormat
import Testing

@Suite struct ObjectKeyTests {
    private let stem =
        "0c5b8vw40dy178xlpddw65q9gf1h2186-0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73"

    @Test(arguments: NARForm.allCases)
    func keysAreFileNames(form: NARForm) throws {
        let name = stem + form.fileExtension
        let key = try ObjectKey(parsing: name)
        #expect(key.form == form)
        #expect("\(key)" == name)
        #expect("\(key.storeHash)" == stem.prefix(32))
    }

    @Test(arguments: ["", ".nar", "-.nar", "x.nar.zst", "../../etc/passwd.nar", "a/b.nar"])
    func namesOfAnotherShapeAreRefused(name: String) {
        #expect(throws: ObjectKey.ParseError.self) { try ObjectKey(parsing: name) }
    }

    @Test func everyOtherSpellingIsRefused() {
        let others = [
            stem, stem + ".nar.xz", stem + ".NAR", stem + ".nar.zst ", " " + stem + ".nar",
            stem.uppercased() + ".nar", stem + ".1.nar", "e" + stem.dropFirst() + ".nar",
            stem.replacing("-", with: "/") + ".nar", stem.replacing("-", with: "\0") + ".nar",
            // The first character of a NAR's hash has but one bit.
            stem.replacing("-0", with: "-2") + ".nar",
        ]
        for name in others {
            #expect(throws: ObjectKey.ParseError.self, "\(name)") {
                try ObjectKey(parsing: name)
            }
        }
    }

    @Test func onlySHA256NamesANAR() throws {
        let key = try ObjectKey(parsing: stem + ".nar")
        let other = try NixHash(algorithm: .md5, digest: [UInt8](repeating: 0, count: 16))
        #expect(throws: ObjectKey.ParseError.notSHA256(.md5)) {
            try ObjectKey(storeHash: key.storeHash, narHash: other, form: .zstd)
        }
    }
}
