// SPDX-License-Identifier: Apache-2.0
import Depot
import NixFormat

extension SettingReader where Value == String {
    static let tierName = SettingReader(
        form: .text,
        expected: "a name of letters, digits, - and _",
        read: { input, _ throws(SettingProblem) in
            let text = try input.requireText()
            guard !text.isEmpty else { throw .malformed(text, reason: "is empty") }
            guard text.utf8.count <= 64 else {
                throw .malformed(text, reason: "is longer than 64 characters")
            }
            let isPlain = text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || "-_".utf8.contains($0)
            }
            guard isPlain else { throw .malformed(text, reason: "has other characters") }
            guard !TierSettings.builtInNames.contains(text.lowercased()) else {
                throw .malformed(text, reason: "is what Firn calls its own")
            }
            return text
        },
        write: { quoted($0) }
    )
}

extension SettingReader where Value == [TierURL] {
    static let tierURLs = SettingReader(
        form: .list,
        expected: "an array of 1 to \(TierSettings.mostURLs) URLs such as \"http://p620:5000\"",
        read: { input, _ throws(SettingProblem) in
            var urls: [TierURL] = []
            for text in try input.requireTexts() {
                let url = try parse(text)
                guard !urls.contains(url) else { throw .duplicate(text) }
                urls.append(url)
            }
            guard !urls.isEmpty else { throw .malformed("[]", reason: "leaves nothing to ask") }
            guard urls.count <= TierSettings.mostURLs else {
                throw .malformed(urls.last?.description ?? "", reason: "is one too many")
            }
            return urls
        },
        write: { "[" + $0.map { quoted($0.description) }.joined(separator: ", ") + "]" }
    )

    private static func parse(_ text: String) throws(SettingProblem) -> TierURL {
        do {
            return try TierURL(parsing: text)
        } catch .hasCredentials {
            // What is secret must not get into a log by way of a message.
            let host = text.suffix(from: text.lastIndex(of: "@") ?? text.startIndex)
            throw .malformed("…\(host)", reason: TierURL.ParseError.hasCredentials.reason)
        } catch {
            throw .malformed(text, reason: error.reason)
        }
    }
}

extension SettingReader where Value == [PublicKey] {
    static let publicKeys = SettingReader(
        form: .list,
        expected: "an array of public keys, NAME:BASE64",
        read: { input, _ throws(SettingProblem) in
            var keys: [PublicKey] = []
            for text in try input.requireTexts() {
                let key: PublicKey
                do throws(KeyTextError) {
                    key = try PublicKey(parsing: text)
                } catch {
                    // It may be a secret key, put in the wrong place: never shown whole.
                    let name = String(text.prefix { $0 != ":" })
                    throw .malformed("\(name):…", reason: "is not one: \(error.reason)")
                }
                guard !keys.contains(key) else { throw .duplicate(text) }
                keys.append(key)
            }
            return keys
        },
        write: { "[" + $0.map { quoted($0.description) }.joined(separator: ", ") + "]" }
    )
}

extension SettingReader where Value == TimeSpan? {
    static func optionalTime(in range: ClosedRange<TimeSpan>) -> SettingReader {
        let reader = SettingReader<TimeSpan>.time(in: range)
        return SettingReader(
            form: .text,
            expected: reader.expected,
            read: { input, folder throws(SettingProblem) in try reader.read(input, folder) },
            write: { $0.map(reader.write) ?? "" }
        )
    }
}

extension SettingReader where Value == FirnConfiguration.DepotLocation {
    static let depotLocation = SettingReader(
        form: .text,
        expected: "a path, \"s3://BUCKET\", or \"none\"",
        read: { input, folder throws(SettingProblem) in
            if input == .text("none") { return .nowhere }
            if case .text(let text) = input, text.hasPrefix("s3://") {
                do throws(S3Location.ParseError) {
                    return .bucket(try S3Location(parsing: text))
                } catch {
                    let shown = error == .holdsSecret ? "s3://…" : text
                    throw .malformed(shown, reason: "\(error)")
                }
            }
            return .folder(try SettingReader<String>.path.read(input, folder))
        },
        write: { location in
            switch location {
            case .inState: ""
            case .folder(let path): quoted(path)
            case .bucket(let location): quoted(location.url)
            case .nowhere: quoted("none")
            }
        }
    )
}

extension SettingReader where Value == CatalogLocation {
    static let catalogLocation = SettingReader(
        form: .text,
        expected: "\"sqlite\", or \"postgresql://HOST/DATABASE\"",
        read: { input, _ throws(SettingProblem) in
            let text = try input.requireText()
            if text == "sqlite" { return .sqlite }
            do throws(PostgresLocation.ParseError) {
                return .postgres(try PostgresLocation(parsing: text))
            } catch {
                let shown = error == .holdsSecret ? "postgresql://…" : text
                throw .malformed(shown, reason: "\(error)")
            }
        },
        write: { location in
            switch location {
            case .sqlite: quoted("sqlite")
            case .postgres(let location): quoted(location.url)
            }
        }
    )
}
