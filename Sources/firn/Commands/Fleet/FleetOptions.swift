// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Fleet

/// What every command of the fleet takes.
struct FleetOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Read the hosts from this file.", valueName: "file"))
    var config: String?

    @Flag(help: "Print JSON to standard output.")
    var json = false
}

/// What commands take that log in to hosts.
struct FleetAccessOptions: ParsableArguments {
    @OptionGroup var fleet: FleetOptions

    @Flag(
        help: ArgumentHelp(
            "Ask now for sudo's password on the hosts; without a terminal, the first line of input."
        )
    )
    var askSudoPassword = false
}

/// Which hosts a command is about.
struct HostArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "Hosts by name, by pattern ('p*') or by tag (@laptop).",
            valueName: "host"
        )
    )
    var hosts: [String] = []

    @Option(
        name: .customLong("on"),
        help: ArgumentHelp(
            "Hosts with this tag, @TAG, or by pattern; may be repeated.",
            valueName: "tag"
        )
    )
    var on: [String] = []

    @Flag(help: "All hosts.")
    var all = false

    /// What the words choose; with `isAllByDefault`, none at all choose all hosts.
    func selection(isAllByDefault: Bool) -> HostSelection {
        let words = hosts + on.flatMap { $0.split(separator: ",").map(String.init) }
        return HostSelection(words: words, isAll: all || (isAllByDefault && words.isEmpty))
    }

    func requireSome() throws {
        guard all || !hosts.isEmpty || !on.isEmpty else {
            throw ValidationError("name hosts, a tag with --on, or --all")
        }
        guard !all || (hosts.isEmpty && on.isEmpty) else {
            throw ValidationError("--all is all hosts; name no others")
        }
    }
}
