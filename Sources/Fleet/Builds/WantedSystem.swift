// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// What a host is to run, as evaluation has it; nothing need be built for it.
package struct WantedSystem: Hashable, Sendable {
    /// The output path.
    package var path: StorePath
    /// `nil` for a path that was named, and comes from wherever it is.
    package var derivation: StorePath?
    /// What its packages are for, such as `x86_64-linux`, where that is known without building it.
    package var system: String?
    package var lineage: Lineage?

    package init(
        path: StorePath,
        derivation: StorePath? = nil,
        system: String? = nil,
        lineage: Lineage? = nil
    ) {
        self.path = path
        self.derivation = derivation
        self.system = system
        self.lineage = lineage
    }
}

/// Why it is not known what a host is to run.
package enum EvaluationFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// Nix's own lines about it, without those on how it got there.
    case doesNotEvaluate(String)
    /// It evaluates, to something that is no derivation.
    case notASystem(String)
    case noNix(String)
    case timedOut(after: Duration)

    package var description: String {
        switch self {
        case .doesNotEvaluate(let said): "the configuration does not evaluate: \(said)"
        case .notASystem(let what): "the configuration is no system: \(what)"
        case .noNix(let reason): "this machine cannot evaluate: \(reason)"
        case .timedOut(let time): "evaluation did not end within \(time.components.seconds) s"
        }
    }
}
