// SPDX-License-Identifier: Apache-2.0

/// What makes namespaces into machines.
enum FleetScripts {
    /// The first process of all: a bridge, and the end of everything when it ends.
    ///
    /// It and those below write the numbers that they have outside, as the outer `/proc` tells them,
    /// before they hide it.
    static let network = """
        folder=$1
        mount --make-rprivate /
        read -r pid rest </proc/self/stat
        ip link add lan type bridge forward_delay 0
        ip link set lan up
        ip link set lo up
        echo "$pid" >"$folder/network.new"
        mv "$folder/network.new" "$folder/network"
        while :; do sleep 3600 & wait "$!"; done

        """

    /// Holds a machine's place on the network, also while the machine is off.
    static let place = """
        folder=$1
        ip link set lo up
        read -r pid rest </proc/self/stat
        echo "$pid" >"$folder/place.new"
        mv "$folder/place.new" "$folder/place"
        while :; do sleep 3600 & wait "$!"; done

        """

    /// A machine from its start to its end: its own store, `/run`, `/var/lib` and `/boot`, and sshd.
    static let machine = """
        folder=$1 name=$2
        read -r pid rest </proc/self/stat
        mount --make-rprivate /
        mount -t proc proc /proc
        mount -t tmpfs -o mode=0755 tmpfs /run
        mkdir -p /run/sshd /run/nixos /run/failed-units
        mount --bind "$folder/nix" /nix
        mount --bind "$folder/var-lib" /var/lib
        mount --bind "$folder/boot" /boot
        mount --bind "$folder/passwd" /etc/passwd
        mount --bind "$folder/../hosts" /etc/hosts
        cat /proc/sys/kernel/random/uuid >/run/boot-id
        mount --bind /run/boot-id /proc/sys/kernel/random/boot_id
        hostname "$name"
        export PATH="$folder/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        export NIX_CONF_DIR="$folder/nix-conf" HOME="$folder/home" LC_ALL=C
        if [ -f "$folder/has-systemd" ]; then mkdir -p /run/systemd/system; fi
        # Several that use a new store for the first time at once get into each other's way.
        if [ ! -d /nix/var/nix/db ]; then nix-store --init; fi
        ip link set eth0 up
        if [ -f /boot/default ]; then
            system=$(cat /boot/default)
            ln -sfn "$system" /run/booted-system
            "$system/activate" "$system" >>/var/lib/fake-nixos/boot.log 2>&1
        fi
        start-sshd
        echo "$pid" >"$folder/machine.new"
        mv "$folder/machine.new" "$folder/machine"
        # A first process takes in those whose parents are gone.
        while :; do sleep 3600 & wait "$!"; done

        """

    /// Starts sshd unless it listens already, and waits until it does.
    static let startSSHD = """
        #!/bin/sh
        listens() { grep -q ':0016 0*:0000 0A' /proc/net/tcp; }
        listens && exit 0
        rm -f /run/sshd.pid
        /usr/sbin/sshd -f "@folder@/sshd_config" -E /run/sshd.log
        tries=0
        until listens; do
            tries=$((tries + 1))
            [ "$tries" -lt 300 ] || exit 1
            sleep 0.1
        done

        """

    /// Ends sshd with all its connections.
    static let stopSSHD = """
        #!/bin/sh
        for folder in /proc/[0-9]*; do
            read -r name <"$folder/comm" 2>/dev/null || continue
            if [ "$name" = sshd ]; then kill -9 "${folder#/proc/}"; fi
        done
        exit 0

        """

    /// Knows what failed, and what a system's units are.
    static let systemctl = """
        #!/bin/sh
        case " $* " in
        *" list-units "*)
            for file in /run/failed-units/*; do
                if [ -f "$file" ]; then echo "${file##*/} loaded failed failed A unit"; fi
            done
            ;;
        *" is-active "*)
            for word in "$@"; do unit=$word; done
            if [ -f "/run/failed-units/$unit" ]; then
                echo failed
                exit 3
            fi
            if grep -qx "$unit" /run/current-system/units 2>/dev/null; then
                echo active
                exit 0
            fi
            echo inactive
            exit 3
            ;;
        *) exit 1 ;;
        esac

        """

    /// Starts a command that outlives whoever asked, with an environment of its own.
    static let systemdRun = """
        #!/bin/sh
        echo "$*" >>/var/lib/fake-nixos/units
        environment=
        while [ "$1" != -- ]; do
            case $1 in
            --setenv=*) environment=${1#--setenv=} ;;
            --quiet | --collect | --no-ask-password | --service-type=exec | --unit=*) ;;
            *)
                echo "systemd-run: unknown option $1" >&2
                exit 1
                ;;
            esac
            shift
        done
        shift
        setsid env -i NIX_CONF_DIR="@folder@/nix-conf" "$environment" "$@" \\
            </dev/null >>/var/lib/fake-nixos/unit.log 2>&1 &

        """

    /// Tells what it was asked, and has a unit failed or mended: `unit fail NAME`, `unit mend NAME`.
    static let unit = """
        #!/bin/sh
        case $1 in
        fail) : >"/run/failed-units/$2" ;;
        mend) rm -f "/run/failed-units/$2" ;;
        esac

        """

    /// Stops here for ever, and says so: `hang`.
    static let hang = """
        #!/bin/sh
        : >/var/lib/fake-nixos/here
        while :; do sleep 1; done

        """

    /// Ends the supervisor of the one deploy that there was, once.
    static let killSupervisor = """
        #!/bin/sh
        [ ! -e /var/lib/fake-nixos/killed ] || exit 0
        : >/var/lib/fake-nixos/killed
        kill -9 "$(cat /var/lib/firn-deployments/*/pid)"

        """

    static let sshdConfiguration = """
        Port 22
        HostKey @folder@/host-key
        AuthorizedKeysFile @folder@/authorized_keys
        StrictModes no
        UsePAM no
        PasswordAuthentication no
        KbdInteractiveAuthentication no
        PermitRootLogin yes
        PidFile /run/sshd.pid
        MaxStartups 100
        MaxSessions 100
        SetEnv PATH=@folder@/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin NIX_CONF_DIR=@folder@/nix-conf
        Subsystem sftp internal-sftp

        """

    static let nixConfiguration = """
        sandbox = false
        build-users-group =
        substituters =
        experimental-features = nix-command flakes
        filter-syscalls = false

        """
}
