// SPDX-License-Identifier: Apache-2.0

/// One key of a `[[tier]]`: what it takes and which field of the settings it is.
///
/// As ``Setting``, but there is one value for each tier, and neither variable nor flag.
package struct TierField: Sendable {
    /// The key in the table: `public-keys`.
    package let key: String
    /// Continues the sentence "takes …".
    package let expected: String
    /// The same, for who offers a form for it.
    package let shape: ValueShape
    /// What holds without the key, as the reference page shows it.
    package let defaultText: String
    package let summary: String

    /// Reads a value into the settings; relative paths start in the folder that is named.
    let apply:
        @Sendable (SettingInput, String, SettingOrigin, inout TierSettings) throws(SettingProblem)
            -> Void
    /// The value in force, as it would stand in `firn.toml`; empty where it would not.
    let show: @Sendable (TierSettings) -> String

    init<Value: Sendable>(
        _ key: String,
        _ field: any WritableKeyPath<TierSettings, Value> & Sendable,
        _ reader: SettingReader<Value>,
        default defaultText: String,
        show: (@Sendable (TierSettings) -> String)? = nil,
        summary: String
    ) {
        self.key = key
        self.defaultText = defaultText
        self.summary = summary
        expected = reader.expected
        shape = reader.shape
        apply = { input, folder, _, tier throws(SettingProblem) in
            tier[keyPath: field] = try reader.read(input, folder)
        }
        self.show = show ?? { reader.write($0[keyPath: field]) }
    }

    /// A file that is read at start, remembered with the line that names it.
    init(
        _ key: String,
        file field: any WritableKeyPath<TierSettings, TierSettings.NamedFile?> & Sendable,
        summary: String
    ) {
        let reader = SettingReader<String>.path
        self.key = key
        self.defaultText = "none"
        self.summary = summary
        expected = reader.expected
        shape = reader.shape
        apply = { input, folder, origin, tier throws(SettingProblem) in
            let path = try reader.read(input, folder)
            tier[keyPath: field] = TierSettings.NamedFile(path: path, origin: origin)
        }
        show = { $0[keyPath: field].map { quoted($0.path) } ?? "" }
    }
}

extension TierField {
    /// Every key of a tier, in the order of `docs/reference/configuration.md`.
    package static let all = [
        TierField(
            "name",
            \.name,
            .tierName,
            default: "required",
            summary: "What the tier is called in `firn status`, logs and metrics; unique, and "
                + "neither `store` nor `depot`."
        ),
        TierField(
            "urls",
            \.urls,
            .tierURLs,
            default: "required",
            summary: "The ways to reach this one cache, `http` or `https`; the best one that "
                + "answers is used. Credentials go into a file."
        ),
        TierField(
            "public-keys",
            \.publicKeys,
            .publicKeys,
            default: "required, unless `trust = \"none\"`",
            summary: "An answer counts when one of these keys has signed it."
        ),
        TierField(
            "trust",
            \.trust,
            .choice,
            default: "\"keys\"",
            summary: "`none` takes what the tier says without a signature, and is warned about."
        ),
        TierField(
            "netrc",
            file: \.netrc,
            summary: "A netrc file; the entry of a URL's host is sent as Basic authentication."
        ),
        TierField(
            "token-file",
            file: \.tokenFile,
            summary: "A file with a token, which is sent as Bearer authentication."
        ),
        TierField(
            "negative-ttl",
            \.configuredNegativeTTL,
            .optionalTime(in: TimeSpan(seconds: 0)...TimeSpan(seconds: 3_600)),
            default: "`\"1s\"` where all URLs are `http`, else `\"1m\"`",
            show: { quoted($0.negativeTTL.description) },
            summary: "How long Firn remembers that the tier does not have a path, `0s` to `1h`."
        ),
        TierField(
            "delta",
            \.delta,
            .choice,
            default: "\"auto\"",
            summary: "Whether a NAR comes as the difference to an older one in the store, where "
                + "the tier is a Firn: `auto` where that is faster by what was measured, "
                + "`always`, or `never`."
        ),
    ]
}
