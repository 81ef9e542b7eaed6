// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// How what is on a host compares to what is to be there.
///
/// Decided from paths alone: nothing is built for it. A host that cannot be asked has no state.
package enum HostState: String, CaseIterable, Sendable {
    /// It runs what is wanted, and boots it.
    case current
    /// It boots what is wanted, and runs something else until then.
    case stagedForBoot = "staged for boot"
    /// It runs something else than it boots, and does not boot what is wanted.
    case drifted
    /// It runs and boots something else.
    case behind
    /// What it runs was made from a later revision than what is wanted.
    case ahead

    /// `isLater` says whether what runs was made from a descendant of what is wanted.
    package init(wanted: StorePath, running: StorePath?, profile: StorePath?, isLater: Bool) {
        self =
            if running == wanted, profile == wanted {
                .current
            } else if profile == wanted {
                .stagedForBoot
            } else if isLater {
                .ahead
            } else if running == profile {
                .behind
            } else {
                .drifted
            }
    }
}
