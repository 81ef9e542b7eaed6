// SPDX-License-Identifier: Apache-2.0
import Testing
import firn

@Suite struct PushCacheReferenceTests {
    @Test(arguments: [
        ("team", "team", "team"), ("cachix:Team_1", "cachix:Team_1", "cachix:Team_1"),
        ("http://p620:5000/team", "http://p620:5000/team", "http:p620:5000:team"),
        ("HTTPS://P620/a/b/team/", "https://p620/a/b/team", "https:p620:443:a:b:team"),
        ("http://[::1]:5000/team", "http://[::1]:5000/team", "http:::1:5000:team"),
    ])
    func aCacheIsNamedInThreeWays(_ text: String, _ name: String, _ queue: String) throws {
        let cache = try PushCacheReference(parsing: text)
        #expect("\(cache)" == name)
        #expect(cache.queueName == queue)
        #expect(!queue.contains("/"))
    }

    @Test(arguments: [
        ("", "is empty"), ("Team", "has \"T\" in it"), ("nar", "something else"),
        ("a/b", "names no cache"), ("unix:/x", "names no cache"), ("cachix:", "names no cache"),
        ("http://p620", "no cache's name at its end"),
        ("http://p620:5000/", "no cache's name at its end"),
        ("http://p620:5000/nar", "something else"), ("ftp://p620/team", "neither http:// nor"),
        ("http://u:secret@p620/team", "has a user name or password"),
    ])
    func whatIsNoneIsSaidSo(_ text: String, _ words: String) {
        let error = #expect(throws: PushCacheReference.ParseError.self) {
            try PushCacheReference(parsing: text)
        }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("secret") != true)
    }
}
