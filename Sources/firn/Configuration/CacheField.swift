// SPDX-License-Identifier: Apache-2.0
import Caches

/// One key of a `[[cache]]`: what it takes and which field of the settings it is.
///
/// As ``TierField``.
package struct CacheField: Sendable {
    /// The key in the table: `max-nar-size`.
    package let key: String
    /// Continues the sentence "takes …".
    package let expected: String
    /// The same, for who offers a form for it.
    package let shape: ValueShape
    /// What holds without the key, as the reference page shows it.
    package let defaultText: String
    package let summary: String

    let apply: @Sendable (SettingInput, inout DeclaredCache.Draft) throws(SettingProblem) -> Void
    /// The value in force, as it would stand in `firn.toml`; empty where it would not.
    package let show: @Sendable (DeclaredCache.Draft) -> String

    init<Value: Sendable>(
        _ key: String,
        _ field: any WritableKeyPath<DeclaredCache.Draft, Value> & Sendable,
        _ reader: SettingReader<Value>,
        default defaultText: String,
        summary: String
    ) {
        self.key = key
        self.defaultText = defaultText
        self.summary = summary
        expected = reader.expected
        shape = reader.shape
        apply = { input, draft throws(SettingProblem) in
            draft[keyPath: field] = try reader.read(input, "")
        }
        show = { reader.write($0[keyPath: field]) }
    }
}

extension CacheField {
    /// A byte, so that nobody forbids everything by a slip, to what fits in any arithmetic of ours.
    static let sizes = ByteSize(bytes: 1)...ByteSize(bytes: UInt64(Int64.max))
    /// Shorter, and a push could lose at its end what it brought at its beginning.
    static let retentions = TimeSpan(seconds: 3_600)...TimeSpan(seconds: 3_153_600_000)

    /// Every key of a cache, in the order of `docs/reference/configuration.md`.
    package static let all = [
        CacheField(
            "name",
            \.name,
            .cacheName,
            default: "required",
            summary: "The first part of the cache's URLs; unique."
        ),
        CacheField(
            "public",
            \.isPublic,
            .flag,
            default: "`false`",
            summary: "Whether everybody may read it, without a token."
        ),
        CacheField(
            "quota",
            \.quota,
            .optional(SettingReader<ByteSize>.size(in: sizes)),
            default: "none",
            summary: "What the files of the cache may take; a push that would take more is refused."
        ),
        CacheField(
            "retention",
            \.retention,
            .optional(SettingReader<TimeSpan>.time(in: retentions)),
            default: "for ever",
            summary: "How long a path stays that nobody uses and nothing refers to, `1h` at least."
        ),
        CacheField(
            "max-nar-size",
            \.maximumNARSize,
            .optional(SettingReader<ByteSize>.size(in: sizes)),
            default: "none",
            summary: "The largest path that is taken, before compression."
        ),
        CacheField(
            "priority",
            \.priority,
            .integer(in: 0...65_535),
            default: "`\(CacheSettings.defaultPriority)`",
            summary: "What the cache's `nix-cache-info` says; a client asks the lowest first."
        ),
        CacheField(
            "upstreams",
            \.upstreams,
            .tierNames,
            default: "all tiers",
            summary: "The tiers whose paths need not be in the cache for others to refer to them; "
                + "`[]` for none, so that the cache is complete by itself."
        ),
    ]
}

extension SettingReader where Value == CacheName? {
    static let cacheName = SettingReader(
        form: .text,
        expected: "a name of lower-case letters, digits, - and _",
        read: { input, _ throws(SettingProblem) in
            let text = try input.requireText()
            do throws(CacheName.ParseError) {
                return try CacheName(parsing: text)
            } catch {
                throw .malformed(text, reason: "\(error)")
            }
        },
        write: { $0.map { quoted("\($0)") } ?? "" }
    )
}

extension SettingReader where Value == Bool {
    static let flag = SettingReader(
        form: .text,
        expected: "true or false",
        read: { input, _ throws(SettingProblem) in
            guard case .flag(let value) = input else { throw .wrongType(found: input.typeName) }
            return value
        },
        write: { $0 ? "true" : "false" },
        narrowerShape: .flag
    )
}

extension SettingReader where Value == [String]? {
    static let tierNames = SettingReader(
        form: .list,
        expected: "an array of names of tiers",
        read: { input, _ throws(SettingProblem) in try input.requireTexts() },
        write: { names in
            names.map { "[" + $0.map(quoted).joined(separator: ", ") + "]" } ?? ""
        }
    )
}

extension SettingReader {
    static func optional<Wrapped: Sendable>(
        _ reader: SettingReader<Wrapped>
    ) -> SettingReader<Value> where Value == Wrapped? {
        SettingReader<Value>(
            form: reader.form == .list ? .list : .text,
            expected: reader.expected,
            read: { input, folder throws(SettingProblem) -> Value in
                let value: Wrapped = try reader.read(input, folder)
                return value
            },
            write: { value in value.map { reader.write($0) } ?? "" },
            narrowerShape: reader.narrowerShape
        )
    }
}
