// SPDX-License-Identifier: Apache-2.0

/// Whoever can run a programme on one host.
///
/// Many requests may run at once. A request that is cancelled ends the programme's connection, which
/// does not promise that the programme has ended. After ``RemoteFailure/unreachable(_:)`` the next
/// request tries again from the start, at each of the host's addresses.
package protocol RemoteShell: Sendable {
    /// How the host is called in what people read.
    var hostName: String { get }

    /// Runs a programme and waits for its end.
    ///
    /// - Throws: ``RemoteFailure``; a programme that ends with another code than 0 is an answer.
    func run(_ request: RemoteRequest) async throws -> RemoteAnswer
}

/// One programme to run on a host.
package struct RemoteRequest: Sendable {
    /// The programme and its arguments, each one word whatever is in it.
    package var words: [String]
    /// What it reads on standard input; a script travels here, never in arguments.
    package var input: [UInt8]
    /// As root: by sudo where the user is another.
    package var asRoot: Bool
    /// From the start of the request to the end of the programme.
    package var deadline: Duration
    /// Over a connection of its own, made now: what goes through proves that the host lets people in.
    package var onNewConnection: Bool
    /// Called with each line of standard output and of standard error as it comes.
    package var onLine: (@Sendable (RemoteLine) -> Void)?

    package init(
        _ words: [String],
        input: [UInt8] = [],
        asRoot: Bool = false,
        deadline: Duration,
        onNewConnection: Bool = false,
        onLine: (@Sendable (RemoteLine) -> Void)? = nil
    ) {
        self.words = words
        self.input = input
        self.asRoot = asRoot
        self.deadline = deadline
        self.onNewConnection = onNewConnection
        self.onLine = onLine
    }
}

/// One line that a programme wrote.
package struct RemoteLine: Sendable {
    package enum Stream: Sendable {
        case output
        case error
    }

    package let stream: Stream
    /// Without the line break; invalid UTF-8 is replaced.
    package let text: String

    package init(stream: Stream, text: String) {
        self.stream = stream
        self.text = text
    }
}

/// How a programme ended, and what it wrote.
package struct RemoteAnswer: Sendable {
    /// 128 and the signal's number where a signal ended it.
    package let exitCode: Int32
    /// At most 4 MiB; what is beyond is dropped from the front.
    package let output: [UInt8]
    /// At most 256 KiB; what is beyond is dropped from the front.
    package let errors: [UInt8]

    package init(exitCode: Int32, output: [UInt8], errors: [UInt8]) {
        self.exitCode = exitCode
        self.output = output
        self.errors = errors
    }
}

/// Why a programme could not be run, or how it ended is not known.
package enum RemoteFailure: Error, Hashable, Sendable {
    /// Nobody answered at any address; the text is what ssh said last.
    case unreachable(String)
    /// The host's key is not the one that is known, or not known at all.
    case hostKey(HostKeyProblem)
    /// The host answered and let nobody in.
    case notLetIn(String)
    /// The connection broke while the programme ran.
    case brokenOff(String)
    /// The deadline has passed.
    case timedOut(after: Duration)
    /// sudo is not there, asks for a password that was not given, or refused it.
    case notRoot(String)
    /// This machine has no ssh that could be run.
    case noSSH(String)
}

/// Why ssh does not take a host for the one that it is said to be.
package struct HostKeyProblem: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// No key is known for the address.
        case unknown
        /// Another key is known for it; where, as `FILE:LINE`, if ssh says so.
        case changed(at: String?)
        /// The two have no kind of key in common, or ssh says something else; its words.
        case other(String)
    }

    package var kind: Kind
    /// The address as `known_hosts` has it: `samsung.lan`, `[samsung.lan]:2222`.
    package var address: String
    /// All that ssh said, for the log.
    package var said: String
}
