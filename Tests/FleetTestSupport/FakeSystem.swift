// SPDX-License-Identifier: Apache-2.0

/// Something that deployers take for a NixOS system, built by Nix alone.
///
/// It has what they look at, a `switch-to-configuration` that keeps the real one's lock, order and
/// exit codes, and hooks for what is to go wrong. What it did stands in `/var/lib/fake-nixos/actions`:
/// a line `begin ACTION SYSTEM` and one `end ACTION SYSTEM CODE` each.
package struct FakeSystem: Sendable {
    package var hostName: String
    package var version: String
    /// What an activation ends with; `nil` is 4 when units have failed, else 0.
    package var exitCode: Int?
    /// 1, 100 and 101 end it before anything is touched, unless this says otherwise.
    package var activatesAnyway = false
    /// What `boot` ends with.
    package var bootExitCode = 0
    /// Lines of shell that an activation runs first; the machine is as it was.
    package var before = ""
    /// Lines of shell that an activation runs last; the system is the running one.
    package var after = ""
    /// Lines of shell that `boot` runs first.
    package var beforeBoot = ""
    /// Units of systemd that are active while it runs.
    package var units: [String] = []
    /// Of those, the ones that fail at its activation.
    package var failingUnits: [String] = []
    package var kernelKiB = 16
    /// Bytes that nothing else has, to make a closure large.
    package var payloadKiB = 0
    /// Lines of shell that write something to `$out` that is like that of other versions; `nil` is none.
    package var kinPayload: String?
    /// Lines of shell that the build of the system itself runs first, when all that it needs is built.
    package var duringBuild = ""
    package var interfaceVersion = "systemd 1"
    /// What the file `system` says; `nil` is what the Nix that reads the expression runs on.
    package var systemFile: String?
    /// What its derivations are built on; `nil` is the same.
    package var platform: String?
    /// The file `switch-inhibitors`; `nil` is none.
    package var inhibitors: String?

    package init(_ hostName: String, version: String) {
        self.hostName = hostName
        self.version = version
    }

    /// A Nix expression of the system; `system` is what the Nix that reads it runs on.
    package var expression: String {
        """
        let
          machine = builtins.currentSystem;
          system = \(platform.map(nix) ?? "machine");
          make = name: text: derivation {
            inherit name system;
            builder = "/bin/sh";
            PATH = "/bin:/usr/bin";
            args = [ "-c" text ];
          };
          sw = make "system-path" "mkdir -p $out/bin";
          kernel = make "linux-\(version)" "head -c \(kernelKiB * 1024) /dev/zero > $out; echo \(version) >> $out";
          payload = make "payload-\(version)" "head -c \(payloadKiB * 1024) /dev/urandom > $out";
          kin = make "kin-\(version)" \(nix(kinPayload ?? ""));
        in derivation {
          name = "nixos-system-\(hostName)-\(version)";
          inherit system machine sw kernel\(payloadKiB > 0 ? " payload" : "")\(kinPayload == nil ? "" : " kin");
          builder = "/bin/sh";
          PATH = "/bin:/usr/bin";
          preferLocalBuild = true;
          allowSubstitutes = false;
          passAsFile = [ "switch" "activate" "units" "inhibitors" ];
          switch = \(nix(switchScript));
          activate = \(nix(Self.activateScript));
          units = \(nix(units.map { $0 + "\n" }.joined()));
          inhibitors = \(nix(inhibitors ?? ""));
          args = [ "-c" \(nix(buildScript)) ];
        }
        """
    }

    private var buildScript: String {
        """
        \(duringBuild)
        mkdir -p $out/bin
        printf %s '\(version)' > $out/nixos-version
        printf %s "\(systemFile ?? "$machine")" > $out/system
        printf '\(interfaceVersion)' > $out/init-interface-version
        ln -s $sw $out/sw
        ln -s $kernel $out/kernel
        [ -z "${payload-}" ] || ln -s $payload $out/payload
        [ -z "${kin-}" ] || ln -s $kin $out/kin
        : > $out/init
        sed "s|@out@|$out|g" $switchPath > $out/bin/switch-to-configuration
        sed "s|@out@|$out|g" $activatePath > $out/activate
        cp $unitsPath $out/units
        \(inhibitors == nil ? "" : "cp $inhibitorsPath $out/switch-inhibitors")
        chmod +x $out/init $out/activate $out/bin/switch-to-configuration
        """
    }

    private static let activateScript = """
        #!/bin/sh
        ln -sfn "@out@" /run/current-system.new && mv -fT /run/current-system.new /run/current-system
        mkdir -p /nix/var/nix/gcroots
        ln -sfn /run/current-system /nix/var/nix/gcroots/current-system

        """

    private var switchScript: String {
        let early = [1, 100, 101].contains(exitCode) && !activatesAnyway
        return """
            #!/bin/sh
            action=$1
            mkdir -p /run/nixos /run/failed-units
            exec 8>>/run/nixos/switch-to-configuration.lock
            flock -n 8 || { echo "Could not acquire lock" >&2; exit 1; }
            note() { echo "$* $action @out@" >>/var/lib/fake-nixos/actions; }
            note begin
            leave() { echo "end $action @out@ $1" >>/var/lib/fake-nixos/actions; exit "$1"; }
            case $action in
            boot)
                \(beforeBoot)
                # As boot loaders do: the new kernel first, then the old ones go.
                mkdir -p /boot/kernels
                kernel=/boot/kernels/$(basename "$(readlink -f @out@/kernel)")
                if ! cp -L @out@/kernel "$kernel.new"; then
                    rm -f "$kernel.new"
                    leave 1
                fi
                mv "$kernel.new" "$kernel"
                [ \(bootExitCode) = 0 ] || leave \(bootExitCode)
                echo @out@ >/boot/default.new && mv /boot/default.new /boot/default || leave 1
                leave 0
                ;;
            dry-activate)
                echo "would activate @out@"
                leave 0
                ;;
            check) leave 0 ;;
            esac
            \(before)
            \(early ? "leave \(exitCode ?? 1)" : "")
            rm -f /run/failed-units/*
            @out@/activate @out@ || leave 2
            ip link set eth0 up
            start-sshd 8>&-
            for unit in $(cat /var/lib/fake-nixos/broken-units) \(failingUnits.joined(separator: " "))
            do : >"/run/failed-units/$unit"; done
            \(after)
            code=\(exitCode.map(String.init) ?? "")
            if [ -z "$code" ]; then
                code=0
                for file in /run/failed-units/*; do [ ! -f "$file" ] || code=4; done
            fi
            leave "$code"

            """
    }

    /// A string of the Nix language with exactly this content.
    private func nix(_ text: String) -> String {
        let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            .replacing("${", with: "\\${")
        return "\"\(escaped)\""
    }
}
