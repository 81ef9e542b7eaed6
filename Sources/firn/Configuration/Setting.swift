// SPDX-License-Identifier: Apache-2.0

/// One setting: where it may be written, what it takes and which field of the configuration it is.
///
/// The file reader, the variables, `--check` and the tests of the reference page all go through
/// this table, so that a setting exists everywhere or nowhere.
package struct Setting: Sendable {
    /// The key in `firn.toml`, sections and all: `server.tls.certificate`.
    package let key: String
    /// The variable that overrides the file.
    package let variable: String
    /// Names of the same in other cache servers; the first one that is set counts, after ours.
    package let foreignVariables: [String]
    /// The flag of `firn serve` that overrides both, where there is one.
    package let flag: String?
    /// Continues the sentence "takes …".
    package let expected: String
    /// The same, for who offers a form for it.
    package let shape: ValueShape
    /// The value without any configuration, as the reference page shows it.
    package let defaultText: String
    package let summary: String

    /// Reads a value into the configuration; relative paths start in the folder that is named.
    let apply:
        @Sendable (SettingInput, String, inout FirnConfiguration) throws(SettingProblem) -> Void
    /// The value in force, as it would stand in `firn.toml`; empty where it would not.
    package let show: @Sendable (FirnConfiguration) -> String
    /// Cuts the text of a variable into what the reader wants to see.
    let input: @Sendable (String) -> SettingInput

    init<Value: Sendable>(
        _ key: String,
        _ field: any WritableKeyPath<FirnConfiguration, Value> & Sendable,
        _ reader: SettingReader<Value>,
        default defaultText: String,
        variable: String,
        foreignVariables: [String] = [],
        flag: String? = nil,
        summary: String
    ) {
        self.key = key
        self.variable = variable
        self.foreignVariables = foreignVariables
        self.flag = flag
        self.expected = reader.expected
        self.shape = reader.shape
        self.defaultText = defaultText
        self.summary = summary
        apply = { input, folder, configuration throws(SettingProblem) in
            configuration[keyPath: field] = try reader.read(input, folder)
        }
        show = { reader.write($0[keyPath: field]) }
        input = { reader.form.input(from: $0) }
    }
}

extension SettingReader.Form {
    fileprivate func input(from text: String) -> SettingInput {
        switch self {
        case .text: .text(text)
        case .integer: Int(text).map { .integer($0) } ?? .text(text)
        case .list:
            .list(
                text.split { $0.isWhitespace || $0 == "," }.map { .text(String($0)) }
            )
        }
    }
}
