// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// Where things lie on a target.
package struct TargetPlaces: Hashable, Sendable {
    /// The profile that the machine boots.
    package var profile = "/nix/var/nix/profiles/system"
    /// Holds `current-system`, `booted-system`, `nixos/` and `systemd/`.
    package var run = "/run"
    /// What the target keeps of deploys.
    ///
    /// It belongs to root alone; others may look up who holds the lease and what the system was made
    /// from, and nothing else. Not beneath `/var/lib/firn`, which belongs to whoever runs the daemon:
    /// what lies here is run by root.
    package var state = "/var/lib/firn-deployments"
    /// Where kernels are copied to.
    package var boot = "/boot"
    /// A folder of roots, which keep a system while a deploy needs it.
    package var roots = "/nix/var/nix/gcroots/firn-deployments"
    package var store = StoreDirectory.standard
    /// A file that holds another line after each start of the machine.
    package var bootIdentifier = "/proc/sys/kernel/random/boot_id"
    package var powerSupplies = "/sys/class/power_supply"

    package init() {}
}
