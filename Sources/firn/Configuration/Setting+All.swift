// SPDX-License-Identifier: Apache-2.0

extension Setting {
    /// Every setting of this version, in the order of `docs/reference/configuration.md`.
    package static let all: [Setting] = server + signing + store + depot + deploy

    /// The sections that ``all`` implies, the nested ones too.
    package static let sections: Set<String> = {
        var sections: Set<String> = []
        for setting in all {
            let parts = setting.key.split(separator: ".")
            for count in 1..<parts.count {
                sections.insert(parts.prefix(count).joined(separator: "."))
            }
        }
        return sections
    }()

    private static let server = [
        Setting(
            "server.listen",
            \.server.listen,
            .addresses,
            default: "[\"[::]:5000\"]",
            variable: "FIRN_LISTEN",
            flag: "--listen",
            summary: "Where to listen: `HOST:PORT`, an IPv6 address in brackets, or `unix:PATH`. "
                + "Sockets that systemd hands over take the place of all of these."
        ),
        Setting(
            "server.state",
            \.server.state,
            .path,
            default: "/var/lib/firn for root, else ~/.local/state/firn",
            variable: "FIRN_STATE",
            summary: "The folder of what Firn keeps: its first key and, by default, the depot."
        ),
        Setting(
            "server.priority",
            \.server.priority,
            .integer(in: 1...1_000),
            default: "30",
            variable: "FIRN_PRIORITY",
            summary: "Clients ask the cache with the lowest number first; cache.nixos.org has 40."
        ),
        Setting(
            "server.tls.certificate",
            \.server.tls.certificate,
            .optionalPath,
            default: "none",
            variable: "FIRN_TLS_CERTIFICATE",
            summary: "PEM file with the certificate and its chain. With it the listeners speak "
                + "TLS, HTTP/2 included; reread on SIGHUP."
        ),
        Setting(
            "server.tls.key",
            \.server.tls.key,
            .optionalPath,
            default: "none",
            variable: "FIRN_TLS_KEY",
            summary: "PEM file with the certificate's private key; reread on SIGHUP."
        ),
        Setting(
            "server.socket-mode",
            \.server.socketMode,
            .fileMode,
            default: "\"0660\"",
            variable: "FIRN_SOCKET_MODE",
            summary: "Permission bits of the unix sockets that Firn makes."
        ),
        Setting(
            "server.idle-timeout",
            \.server.idleTimeout,
            .time(in: TimeSpan(seconds: 5)...TimeSpan(seconds: 3_600)),
            default: "\"2m\"",
            variable: "FIRN_IDLE_TIMEOUT",
            summary: "How long a connection may stay open without a request, `5s` to `1h`. Nix "
                + "reuses connections for up to 90 seconds."
        ),
        Setting(
            "server.drain-limit",
            \.server.drainLimit,
            .time(in: TimeSpan(seconds: 0)...TimeSpan(seconds: 3_600)),
            default: "\"30s\"",
            variable: "FIRN_DRAIN_LIMIT",
            summary: "How long running transfers may go on after SIGTERM, `0s` to `1h`."
        ),
        Setting(
            "server.log-level",
            \.server.logLevel,
            .choice,
            default: "\"info\"",
            variable: "FIRN_LOG_LEVEL",
            summary: "The least severe messages that are written to standard error."
        ),
        Setting(
            "server.metrics",
            \.server.metrics,
            .choice,
            default: "\"all\"",
            variable: "FIRN_METRICS",
            summary: "Who may read `/metrics`: `all`, or `local` for programs of this machine; "
                + "others then get 404. A proxy on this machine counts as others."
        ),
        Setting(
            "server.status-page",
            \.server.statusPage,
            .choice,
            default: "\"local\"",
            variable: "FIRN_STATUS_PAGE",
            summary:
                "Who may read `/status`: `local` for browsers of this machine, others then get "
                + "404, or `all`. It names tiers with their addresses, and what is on its way."
        ),
    ]

    private static let signing = [
        Setting(
            "signing.keys",
            \.signing.keys,
            .paths,
            default: "[]",
            variable: "FIRN_SIGNING_KEYS",
            foreignVariables: ["SIGN_KEY_PATHS", "NIX_SECRET_KEY_FILE"],
            flag: "--key",
            summary: "Secret keys in Nix's format. All of them sign; reread on SIGHUP. Without "
                + "any, Firn makes one in the state folder on first start."
        )
    ]

    private static let store = [
        Setting(
            "store.root",
            \.store.root,
            .path,
            default: "\"/\"",
            variable: "FIRN_STORE_ROOT",
            flag: "--store",
            summary: "The folder that has `nix/store` in it; `/` is this machine's own store."
        ),
        Setting(
            "store.compression",
            \.store.compression,
            .choice,
            default: "\"zstd\"",
            variable: "FIRN_STORE_COMPRESSION",
            summary: "The form that NARs are offered in: `zstd`, or `none` for NARs as they are. "
                + "Either is made ahead of time, into the depot."
        ),
    ]

    private static let depot = [
        Setting(
            "depot.location",
            \.depot.location,
            .depotLocation,
            default: "the folder `depot` in the state folder",
            variable: "FIRN_DEPOT_LOCATION",
            flag: "--depot",
            summary: "The folder of the NARs that Firn keeps, or a bucket, "
                + "`s3://BUCKET/PREFIX?endpoint=…&region=…`; not to be shared by two of them. "
                + "With `none` it keeps nothing: for a laptop, whose own store has what it fetched."
        ),
        Setting(
            "depot.max-size",
            \.depot.maximumSize,
            .size(in: ByteSize(bytes: 1_000_000)...ByteSize(bytes: 1 << 60)),
            default: "\"10GB\"",
            variable: "FIRN_DEPOT_MAX_SIZE",
            summary: "What the depot may take at most, unfinished files included; at least `1MB`."
        ),
        Setting(
            "depot.local-size",
            \.depot.localSize,
            .size(in: ByteSize(bytes: 1_000_000)...ByteSize(bytes: 1 << 60)),
            default: "\"10GB\"",
            variable: "FIRN_DEPOT_LOCAL_SIZE",
            summary:
                "With a bucket: what may lie on this machine at most of what passes through and "
                + "of uploads; at least `1MB`."
        ),
        Setting(
            "depot.credentials-file",
            \.depot.credentialsFile,
            .optionalPath,
            default: "none",
            variable: "FIRN_DEPOT_CREDENTIALS_FILE",
            summary:
                "With a bucket: its access key, in the form of AWS's credentials file. Without "
                + "it, AWS's usual places count."
        ),
        Setting(
            "depot.catalog",
            \.depot.catalog,
            .catalogLocation,
            default: "\"sqlite\"",
            variable: "FIRN_DEPOT_CATALOG",
            summary:
                "Where the index over the depot lies: `sqlite`, a file on this machine, or a "
                + "database, `postgresql://USER@HOST/DATABASE?sslmode=…&passfile=…`; not to be "
                + "shared by two of them."
        ),
    ]
}
