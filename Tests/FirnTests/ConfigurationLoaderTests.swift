// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing
import firn

@Suite struct ConfigurationLoaderTests {
    private static func loader(
        _ environment: [String: String] = [:],
        in folder: String = "/nowhere",
        files: [String] = []
    ) -> ConfigurationLoader {
        ConfigurationLoader(
            environment: environment,
            currentDirectory: folder,
            isRoot: true,
            processID: 77,
            fileExists: { files.contains($0) }
        )
    }

    @Test func withoutAnyConfigurationEveryoneIsServedOnPort5000() throws {
        let outcome = try Self.loader().load()
        #expect(outcome.configuration == FirnConfiguration(state: "/var/lib/firn"))
        #expect(outcome.configuration.server.listen == [.tcp(host: "::", port: 5_000)])
        #expect(outcome.configuration.depotDirectory == "/var/lib/firn/depot")
        #expect(outcome.file == nil)
        #expect(outcome.warnings.isEmpty)
    }

    @Test(arguments: [
        (["HOME": "/home/a"], "/home/a/.local/state/firn"),
        (["HOME": "/home/a", "XDG_STATE_HOME": "/s"], "/s/firn"),
        (["HOME": "/home/a", "XDG_STATE_HOME": "relative"], "/home/a/.local/state/firn"),
    ])
    func aUserKeepsItsStateAtHome(_ environment: [String: String], _ state: String) throws {
        var loader = Self.loader(environment)
        loader.isRoot = false
        #expect(try loader.load().configuration.server.state == state)
    }

    @Test func flagsWinOverVariablesAndVariablesOverTheFile() async throws {
        try await withTemporaryDirectory { folder in
            let file = try folder.write(
                "[server]\npriority = 10\nlisten = [\"a:1\"]\n[store]\nroot = \"/file\"\n",
                to: "firn.toml"
            )
            var loader = Self.loader(
                ["FIRN_LISTEN": "b:2, c:3\nunix:/s", "FIRN_STORE_ROOT": "/variable"],
                in: folder.path,
                files: [file]
            )
            loader.flags = ["store.root": ["/flag"]]
            let outcome = try loader.load()
            #expect(outcome.file == file)
            #expect(outcome.configuration.server.priority == 10)
            #expect(outcome.configuration.store.root == "/flag")
            #expect(
                outcome.configuration.server.listen == [
                    .tcp(host: "b", port: 2), .tcp(host: "c", port: 3), .unix(path: "/s"),
                ]
            )
        }
    }

    @Test func theFirstFileOfTheLookupOrderIsReadAndNoOther() async throws {
        try await withTemporaryDirectory { folder in
            var files: [String] = []
            for (priority, name) in ["flag", "variable", "firn.toml", "system"].enumerated() {
                files.append(
                    try folder.write("[server]\npriority = \(priority + 1)\n", to: name)
                )
            }
            var loader = Self.loader(["FIRN_CONFIG": files[1]], in: folder.path, files: files)
            loader.systemFile = files[3]
            loader.namedFile = "flag"
            #expect(try loader.load().configuration.server.priority == 1)
            loader.namedFile = nil
            #expect(try loader.load().configuration.server.priority == 2)
            loader.environment = [:]
            #expect(try loader.load().configuration.server.priority == 3)
            loader.currentDirectory = "/nowhere"
            #expect(try loader.load().configuration.server.priority == 4)
        }
    }

    @Test func aFileThatIsNamedMustExist() {
        var loader = Self.loader(["FIRN_CONFIG": "/gone.toml"])
        #expect(throws: ConfigurationError.self) { try loader.load() }
        loader.namedFile = "lost.toml"
        let error = #expect(throws: ConfigurationError.self) { try loader.load() }
        #expect(
            error?.description
                == "/nowhere/lost.toml: there is no such file, but --config names it"
        )
    }

    @Test func pathsOfAFileStartInItsFolderAndOthersWhereTheCommandRuns() async throws {
        try await withTemporaryDirectory { folder in
            let file = try folder.write(
                "[signing]\nkeys = [\"key\"]\n[server]\nlisten = [\"unix:socket\"]\n",
                to: "firn.toml"
            )
            var loader = Self.loader(["FIRN_STATE": "state"], in: "/here", files: [file])
            loader.namedFile = file
            let configuration = try loader.load().configuration
            #expect(configuration.signing.keys == [folder.path("key")])
            #expect(configuration.server.listen == [.unix(path: folder.path("socket"))])
            #expect(configuration.server.state == "/here/state")
        }
    }

    @Test(arguments: [
        ("[server]\nlisten = \"[::]:1\"", "f:2: server.listen takes an array of addresses"),
        ("[server]\nlisten = [1]", "not an array with an integer in it"),
        ("[server]\nlisten = []", "leaves nothing to listen on"),
        ("[server]\nlisten = [\"a:1\", \"a:1\"]", "f:2: server.listen names \"a:1\" twice"),
        ("[server]\nlisten = [\"::1:80\"]", "is an IPv6 address without brackets"),
        ("[server]\npriority = \"30\"", "f:2: server.priority takes a whole number"),
        ("[server]\npriority = 0", "f:2: server.priority is 0, but must be between 1 and 1000"),
        ("[server]\npriority = 3.5", "not a floating-point number"),
        ("[server]\nidle-timeout = \"1s\"", "is 1s, but must be between 5s and 1h"),
        ("[server]\nidle-timeout = \"fast\"", "does not start with a whole number"),
        ("[server]\nidle-timeout = 30", "takes a time such as \"30s\", \"12h\" or \"90d\", not an"),
        ("[server]\nsocket-mode = \"0888\"", "is not three or four octal digits"),
        ("[server]\nsocket-mode = \"7777\"", "is not three or four octal digits"),
        ("[server]\nlog-level = \"loud\"", "takes one of \"trace\""),
        ("[server]\nstate = \"\"", "f:2: server.state takes a path: \"\" is empty"),
        ("[server]\nstate = true", "not a boolean"),
        ("[server.tls]\ncertificate = \"c\"", "server.tls.key is missing"),
        ("[server.tls]\nkey = \"c\"", "server.tls.certificate is missing"),
        ("[signing]\nkeys = [\"a\", \"./b\", \"a\"]", "f:2: signing.keys names \"a\" twice"),
        ("[store]\ncompression = \"xz\"", "takes one of \"zstd\", \"none\": \"xz\" is none"),
        ("[store]\nroot = [\"/\"]", "f:2: store.root takes a path, not an array"),
        ("[depot]\nlocation = \"gs://bucket/x\"", "is a URL"),
        ("[depot]\nmax-size = \"5gb\"", "has the unit \"gb\""),
        ("[depot]\nmax-size = \"100\"", "has no unit"),
        ("[depot]\nmax-size = 100", "takes a size such as \"5GB\" or \"5GiB\", not an integer"),
        ("[depot]\nmax-size = \"1kB\"", "is 1kB, but must be between 1MB and"),
        ("[depot]\nmax-size = { a = 1 }", "not a table"),
    ])
    func aValueThatDoesNotFitIsRefusedWithItsPlace(_ text: String, _ part: String) async throws {
        try await withTemporaryDirectory { folder in
            let file = try folder.write(text, to: "f")
            var loader = Self.loader(files: [file])
            loader.namedFile = file
            let error = #expect(throws: ConfigurationError.self) { try loader.load() }
            #expect(error?.description.contains(part) == true, "\(String(describing: error))")
        }
    }

    @Test func aBadVariableAndABadFlagAreNamed() {
        var loader = Self.loader(["FIRN_PRIORITY": "high"])
        var error = #expect(throws: ConfigurationError.self) { try loader.load() }
        #expect(
            error?.description
                == "$FIRN_PRIORITY: server.priority takes a whole number from 1 to 1000: \"high\" is not a whole number"
        )
        loader.environment = [:]
        loader.flags = ["server.listen": ["5000"]]
        error = #expect(throws: ConfigurationError.self) { try loader.load() }
        #expect(error?.description.hasPrefix("--listen: server.listen takes") == true)
    }

    @Test func keysOfOtherServersAreFoundAndOursWin() throws {
        var loader = Self.loader(["SIGN_KEY_PATHS": "/a /b", "NIX_SECRET_KEY_FILE": "/c"])
        #expect(try loader.load().configuration.signing.keys == ["/a", "/b"])
        loader.environment["SIGN_KEY_PATHS"] = nil
        #expect(try loader.load().configuration.signing.keys == ["/c"])
        loader.environment["FIRN_SIGNING_KEYS"] = "/d"
        #expect(try loader.load().configuration.signing.keys == ["/d"])
    }

    @Test func anEmptyVariableIsAsIfItWereNotSet() throws {
        let loader = Self.loader(["FIRN_LISTEN": "", "FIRN_CONFIG": ""])
        #expect(try loader.load().configuration == FirnConfiguration(state: "/var/lib/firn"))
    }

    @Test func aMisspeltVariableIsWarnedAbout() throws {
        let outcome = try Self.loader(["FIRN_LISTNE": "x:1", "PATH": "/bin"]).load()
        #expect(
            outcome.warnings == [
                "$FIRN_LISTNE is not a setting and is ignored; did you mean $FIRN_LISTEN?"
            ]
        )
    }

    @Test func anIdleTimeoutBelowThatOfNixIsWarnedAbout() throws {
        #expect(try Self.loader(["FIRN_IDLE_TIMEOUT": "90s"]).load().warnings.count == 1)
        #expect(try Self.loader(["FIRN_IDLE_TIMEOUT": "91s"]).load().warnings.isEmpty)
    }

    @Test func socketsFromTheServiceManagerTakeThePlaceOfOurOwn() throws {
        var loader = Self.loader(["LISTEN_PID": "77", "LISTEN_FDS": "2", "FIRN_LISTEN": "a:1"])
        #expect(
            try loader.load().configuration.server.listen == [
                .inherited(descriptor: 3), .inherited(descriptor: 4),
            ]
        )
        loader.processID = 78
        #expect(try loader.load().configuration.server.listen == [.tcp(host: "a", port: 1)])
        loader.processID = 77
        loader.environment["LISTEN_FDS"] = "-1"
        #expect(throws: ConfigurationError.self) { try loader.load() }
    }
}
