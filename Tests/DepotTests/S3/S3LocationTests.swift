// SPDX-License-Identifier: Apache-2.0
import Depot
import Testing

@Suite struct S3LocationTests {
    @Test func readsBucketPrefixAndParameters() throws {
        let location = try S3Location(
            parsing: "s3://team-cache/a/b?endpoint=https://s3.example:9000/&region=eu-west-1"
        )
        #expect(location.bucket == "team-cache")
        #expect(location.prefix == "a/b/")
        #expect(location.endpoint == "https://s3.example:9000")
        #expect(location.region == "eu-west-1")
        #expect(location.isPathStyle)
        #expect("\(location)" == "s3://team-cache/a/b")
    }

    @Test func withoutAnEndpointItIsAmazon() throws {
        let location = try S3Location(parsing: "s3://team-cache?region=eu-west-1&profile=ci")
        #expect(location.prefix.isEmpty)
        #expect(location.endpoint == "https://s3.eu-west-1.amazonaws.com")
        #expect(!location.isPathStyle)
        #expect(location.profile == "ci")
        #expect(try S3Location(parsing: "s3://team.cache").isPathStyle)
        let plain = try S3Location(
            parsing: "s3://team-cache?endpoint=box:8333&scheme=http&addressing-style=virtual"
        )
        #expect(plain.endpoint == "http://box:8333")
        #expect(!plain.isPathStyle)
    }

    @Test(arguments: [
        ("s3:/bucket", S3Location.ParseError.notS3),
        ("s3://", .badBucket("")),
        ("s3://No_Bucket", .badBucket("No_Bucket")),
        ("s3://bucket/../x", .badPrefix("../x")),
        ("s3://bucket?endpoint=ftp://x", .badEndpoint("ftp://x")),
        ("s3://bucket?endpoint=http://x/y", .badEndpoint("http://x/y")),
        ("s3://bucket?endpoint=http://me:secret@x", .holdsSecret),
        ("s3://key:secret@bucket", .holdsSecret),
        ("s3://bucket?region=a/b", .badRegion("a/b")),
        ("s3://bucket?regoin=x", .unknownParameter("regoin")),
        ("s3://bucket?region=a&region=b", .twice("region")),
        ("s3://bucket?addressing-style=host", .badStyle("host")),
    ])
    func refusesWhatIsNoLocation(_ text: String, _ error: S3Location.ParseError) {
        #expect(throws: error) { try S3Location(parsing: text) }
    }

    @Test func eachPlaceHasAFolderOfItsOwn() throws {
        let names = try [
            "s3://bucket", "s3://bucket/a", "s3://bucket/b", "s3://bucket?endpoint=http://x",
        ].map { try S3Location(parsing: $0).folderName }
        #expect(Set(names).count == 4)
        let again = try S3Location(parsing: "s3://bucket/a/?region=us-east-1").folderName
        #expect(again == names[1])
    }
}
