// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// Measures Firn against nginx with the same closure, and Firn in front of others, side by side.
///
/// Every figure is a ratio of two servers on one machine in one run, because absolute times are not
/// stable; they are taken in turns, so that what else the machine does falls on both.
@main
struct FirnBenchmarks {
    static func main() async {
        do {
            let options = try BenchmarkOptions(parsing: Array(CommandLine.arguments.dropFirst()))
            guard !options.asksForHelp else { return report(BenchmarkOptions.help) }
            try await run(options)
        } catch {
            progress("\(error)")
            exit(error is BenchmarkOptions.UsageError ? 2 : 1)
        }
    }

    private static func run(_ options: BenchmarkOptions) async throws {
        if FleetBench.isAll(options) {
            report(await Machine.description)
            return try await FleetBench(options: options).run()
        }
        try await withTemporaryDirectory { directory in
            if DeltaBench.isWanted(options) {
                report(await Machine.description)
                return try await DeltaBench(options: options).run(in: directory)
            }
            if PushBench.isAll(options) {
                report(await Machine.description)
                return try await PushBench(options).run(in: directory)
            }
            if ScaleBench.isWanted(options) {
                report(await Machine.description)
                return try await ScaleBench(options: options).run(in: directory)
            }
            let source = try await ClosureSource.open(options)
            let files = try await ClosureFiles.prepare(source)
            let key = try await source.makeKey(in: directory)
            report(await Machine.description)
            report(files.summary)
            report("nginx: sendfile on, access log off, open_file_cache off\n")
            if TierBench.leavesSomething(of: options) {
                try await contest(files, key, options, in: directory)
            }
            let bench = TierBench(files: files, key: key, options: options)
            try await bench.run(in: directory)
            if PushBench.isWanted(options) { try await PushBench(options).run(in: directory) }
            if FleetBench.isWanted(options) { try await FleetBench(options: options).run() }
        }
    }

    private static func contest(
        _ files: ClosureFiles,
        _ key: (secret: String, publicKey: String),
        _ options: BenchmarkOptions,
        in directory: TemporaryDirectory
    ) async throws {
        let setup = files.source.serverSetup(key: key)
        try await withServer(setup.offering("none")) { plain in
            try await withServer(setup.offering("zstd")) { compressed in
                let first = try await ColdStart.measure(files, plain)
                progress("waiting until Firn has compressed \(files.paths.count) NARs")
                try await compressed.compressAhead(
                    files.paths.map(\.storePath),
                    within: .seconds(900)
                )
                let site = try await NginxSite.lay(
                    out: files,
                    like: [.identity: plain, .zstd: compressed],
                    in: directory
                )
                try await site.serve { nginx in
                    let contest = Contest(
                        files: files,
                        plain: plain,
                        compressed: compressed,
                        nginx: nginx,
                        publicKey: key.publicKey,
                        options: options
                    )
                    try await contest.run(firstPass: first)
                    try await NamedBench(
                        files: files,
                        server: compressed,
                        nginx: nginx,
                        options: options
                    ).run(in: directory)
                }
            }
        }
    }
}

/// Says on standard error how far the benchmark is.
func progress(_ text: String) {
    FileHandle.standardError.write(Data("bench: \(text)\n".utf8))
}

/// Prints a line of the result at once, also where standard output is a file.
func report(_ text: String) {
    FileHandle.standardOutput.write(Data("\(text)\n".utf8))
}
