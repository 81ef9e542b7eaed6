// SPDX-License-Identifier: Apache-2.0

/// A reason not to begin a deploy, and what mends it.
package struct PreflightFinding: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case noNix = "no-nix"
        /// A command that the target's side is made of is missing.
        case noTool = "no-tool"
        case storeSpace = "store-space"
        case storeReadOnly = "store-read-only"
        case bootSpace = "boot-space"
        case stateUnusable = "state"
        /// Somebody else's `switch-to-configuration` runs.
        case switchRunning = "switch-running"
        /// The path is there and has no `bin/switch-to-configuration`.
        case noSystem = "no-system"
        /// The closure is for another kind of machine.
        case otherSystem = "other-system"
    }

    package let kind: Kind
    /// What was found, with figures.
    package let detail: String

    /// One line that says what to do.
    package var remedy: String {
        switch kind {
        case .noNix: "install Nix on the host, or put it into root's PATH"
        case .noTool: "install what is named on the host; NixOS has all of it"
        case .storeSpace: "collect garbage on the host: nix-collect-garbage --delete-older-than 30d"
        case .storeReadOnly: "mount the file system of the store for writing"
        case .bootSpace:
            "delete old generations on the host, then run switch-to-configuration boot of the profile"
        case .stateUnusable: "make the folder belong to root alone, on a disk with space"
        case .switchRunning: "wait for the other switch to end"
        case .noSystem: "deploy a NixOS system (config.system.build.toplevel)"
        case .otherSystem: "build the configuration for this kind of machine"
        }
    }
}

/// What is known before a deploy about what it will need.
package struct PreflightQuestion: Sendable {
    /// May be absent from the target yet.
    package var systemPath: String?
    /// What the copy will unpack to, where known.
    package var closureBytes: Int?
    /// Such as `x86_64-linux`, where known.
    package var system: String?
    /// The type of system that the target is said to take; `nil` for what it finds itself.
    package var takes: String?
    package var mode = SwitchMode.switch
    package var checks: [HealthCheck] = []

    package init() {}
}
