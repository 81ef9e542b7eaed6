// SPDX-License-Identifier: Apache-2.0

/// Who runs the commands of the documents, or why nobody does.
///
/// Blocks that name a machine are run from their page, and are not here.
enum CommandLedger {
    enum Proof: Sendable {
        /// The test that runs it, in these words or with its own addresses, paths and names.
        case ran(by: String)
        case notRun(String)
    }

    /// By the command as it is written, without its comment.
    static let entries: [String: Proof] = [
        "git clone REPOSITORY firn && cd firn":
            .notRun("REPOSITORY stands for where you have Firn from"),
        "make run":
            .notRun(
                "builds a release, for many minutes; the server it starts is that of every test"
            ),
        "firn cache create team --quota 5GB --retention 90d":
            .ran(by: "aCacheIsMadeShownChangedAndDeleted"),
        "firn token create --cache 'team*' --allow pull,push --expires 90d --label ci > token":
            .ran(by: "aTokenIsShownOnceAndRevokedAtOnce"),
        "FIRN_TOKEN=$(cat token) firn cache list --server http://p620:5000":
            .ran(by: "anAdministratorReachesNoFurtherThanItsToken"),
        "firn push team ./result": .ran(by: "aClosureThatWasPushedIsSubstituted"),
        "firn push http://p620:5000/team ./result":
            .ran(by: "aTokenPushesFromElsewhereInFewRequests"),
        "nix --extra-experimental-features nix-command copy --to "
            + "'http://p620:5000/team?compression=zstd' --option netrc-file "
            + "~/.config/nix/netrc ./result":
            .ran(by: "aClosureIsPushedAndPulledWithSignaturesRequired"),
        "cachix config set hostname http://p620:5000":
            .notRun("the cachix command is in no Debian; CachixTests speak its protocol"),
        "cachix authtoken firn_…":
            .notRun("the cachix command is in no Debian; CachixTests speak its protocol"),
        "cachix use team":
            .notRun("the cachix command is in no Debian; CachixTests speak its protocol"),
        "cachix push team ./result":
            .notRun("the cachix command is in no Debian; CachixTests speak its protocol"),
        "cachix watch-exec team -- nix build":
            .notRun("the cachix command is in no Debian; CachixTests speak its protocol"),
        "cachix pin team release ./result --keep-revisions 3":
            .notRun("the cachix command is in no Debian; CachixTests speak its protocol"),
        "firn pin team release ./result --keep-revisions 3":
            .ran(by: "aPathThatTheCacheHasIsPinned"),
        "firn gc --dry-run": .ran(by: "aCollectionIsDoneByTheDaemonOrWithoutIt"),
        "firn cache remove team /nix/store/…-secrets --with-referrers --dry-run":
            .ran(by: "whatIsReferredToGoesWithItsReferrersOrNotAtAll"),
        "firn status": .ran(by: "theStatusNamesTiersTheirStateAndTheDepot"),
        "firn explain ./result": .ran(by: "anExplanationSaysWhichTierHasAPathAndWhyOthersDoNot"),
        "firn report samsung --last 1": .ran(by: "theDaysRecipesDoWhatTheirNamesSay"),
        "firn report --compare": .ran(by: "theWeeksRecipesChangeAllAndGoBackOnOne"),
        "firn doctor": .ran(by: "aDaemonThatRunsIsFineAndOneThatDoesNotIsFound"),
        "firn doctor http://p620:5000": .ran(by: "aWrongAddressIsFound"),
        "firn doctor cachix:nix-community": .ran(by: "aTokenThatCachixDoesNotTakeIsFound"),
        "nixos-rebuild switch --flake ~/fleet#p620 --target-host root@p620":
            .notRun("needs a NixOS"),
        "make install": .ran(by: "whatIsInstalledWorksAndGoesAgain"),
        "make install PREFIX=/usr DESTDIR=package": .ran(by: "whatIsInstalledWorksAndGoesAgain"),
        "make dist":
            .notRun(
                "builds a release, for many minutes; scripts/try-dist does it, in a Debian without Swift"
            ),
        "tar --extract --file firn-VERSION-linux-x86_64.tar.xz --directory "
            + "/usr/local --strip-components 1":
            .notRun(
                "builds a release, for many minutes; scripts/try-dist does it, in a Debian without Swift"
            ),
        "podman build --tag firn .":
            .notRun(
                "builds a release, for many minutes; scripts/try-dist does it, in a Debian without Swift"
            ),
        "podman run --publish 5000:5000 --volume /nix:/nix:ro --volume firn:/var/lib/firn firn":
            .notRun(
                "builds a release, for many minutes; scripts/try-dist does it, in a Debian without Swift"
            ),
        "cp examples/monitoring/prometheus.yml examples/monitoring/alerts.yml /etc/prometheus/":
            .ran(by: "prometheusTakesTheFiles"),
        "promtool check config /etc/prometheus/prometheus.yml": .ran(by: "prometheusTakesTheFiles"),
        "systemctl reload prometheus":
            .notRun("needs a systemd that runs; the units are held against systemd-analyze"),
        "nix --extra-experimental-features nix-command copy --from "
            + "https://attic.example.com/team --to http://p620:5000/team /nix/store/…":
            .ran(by: "aClosureIsPushedAndPulledWithSignaturesRequired"),
        "nix --extra-experimental-features nix-command copy --from "
            + "https://team.cachix.org --to http://p620:5000/team /nix/store/…":
            .ran(by: "aClosureIsPushedAndPulledWithSignaturesRequired"),
        "firn pin team release /nix/store/…": .ran(by: "aPathThatTheCacheHasIsPinned"),
        "systemctl stop firn.socket firn.service":
            .notRun("needs a systemd that runs; the units are held against systemd-analyze"),
        "make install && systemctl restart firn":
            .notRun(
                "needs a systemd that runs; make install is run by whatIsInstalledWorksAndGoesAgain"
            ),
        "scripts/write-nix-pins": .notRun("needs nixpkgs and a network"),
        "git add nix/dependencies": .notRun("needs nixpkgs and a network"),
        "export FIRN_TOKEN=$(cat token)": .ran(by: "aTokenPushesFromElsewhereInFewRequests"),
        "firn push team ./result --exclude '-source$' --max-nar-size 2GB":
            .ran(by: "nothingIsSentThatNeedsWhatIsKeptBack"),
        "sudo firn hook http://p620:5000/team --install /etc/nix/push-hook":
            .ran(by: "theHookQueuesWhatNixBuildsAndWaitingSendsIt"),
        "firn watch-exec http://p620:5000/team --wait 10m -- nix-build release.nix":
            .ran(by: "watchExecPushesWhatTheCommandBuildsAndGivesBackItsCode"),
        "firn hook http://p620:5000/team --wait 10m":
            .ran(by: "whatTheHookHasQueuedIsThereWhenWaitingEnds"),
        "export CACHIX_AUTH_TOKEN=…": .ran(by: "aClosureThatWasPushedIsSubstituted"),
        "firn push cachix:team ./result": .ran(by: "aClosureThatWasPushedIsSubstituted"),
        "firn push cachix:team ./result --signing-key-file /etc/nix/team.secret":
            .ran(by: "onesOwnKeySigns"),
        "nix --extra-experimental-features nix-command copy --from "
            + "'s3://team-cache?endpoint=https://s3.example.com:9000&region=us-east-1' "
            + "/nix/store/…":
            .ran(by: "aPushedClosureIsReadFromFirnAndFromTheBucketAlone"),
        "nix --extra-experimental-features nix-command copy --from "
            + "https://s3.example.com:9000/team-cache /nix/store/…":
            .ran(by: "theBucketIsABinaryCacheByItself"),
        "firn serve": .ran(by: "withoutAnyConfigurationEveryoneIsServedOnPort5000"),
        "firn serve --check": .ran(by: "theCheckMakesNothing"),
        "nix --extra-experimental-features nix-command copy --from "
            + "http://p620:5000 /nix/store/…":
            .ran(by: "aClosureIsCopiedWithSignaturesRequired"),
        "firn key generate p620-1 --out /etc/nix":
            .ran(by: "aKeyPairIsWrittenAndItsPublicKeyPrinted"),
        "ssh -L 5000:localhost:5000 p620":
            .notRun("a tunnel of ssh; the page is fetched on loopback by StatusPageTests"),
        "install -m 755 .build/release/firn /usr/local/bin/firn":
            .notRun("writes to /usr/local and /etc; make install does the same in a folder"),
        "cp examples/systemd/firn.service examples/systemd/firn.socket /etc/systemd/system/":
            .notRun("writes to /usr/local and /etc; make install does the same in a folder"),
        "systemctl enable --now firn.socket firn.service":
            .notRun("needs a systemd that runs; the units are held against systemd-analyze"),
        "firn status --watch": .ran(by: "watchingWithoutATerminalIsALineEachTime"),
        "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost "
            + "-addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem":
            .ran(by: "aRenewedCertificateIsUsedAfterSIGHUP"),
        "FIRN_TLS_CERTIFICATE=cert.pem FIRN_TLS_KEY=key.pem firn serve --listen '[::]:5443'":
            .ran(by: "aClosureIsRealisedOverTLS"),
        "NIX_SSL_CERT_FILE=$PWD/cert.pem nix --extra-experimental-features "
            + "nix-command store ping --store https://localhost:5443":
            .ran(by: "aClosureIsRealisedOverTLS"),
        "firn use http://p620:5000": .ran(by: "aPublicCacheNeedsNoTokenAndGetsNone"),
        "firn use https://cache.example.org/team": .ran(by: "aPublicCacheNeedsNoTokenAndGetsNone"),
        "firn use cachix:nix-community": .ran(by: "aPublicCacheAtCachixTakesNoToken"),
        "firn use team --server http://p620:5000": .ran(by: "aCacheIsFoundByItsName"),
        "firn use https://cache.example.org --public-key cache.example.org-1:…":
            .ran(by: "whoeverIsNoFirnNeedsAKeyThatIsGiven"),
        "firn use http://p620:5000/team --token-file token":
            .ran(by: "aPrivateCacheIsUsedWithNothingElseAndLeftWithoutATrace"),
        "FIRN_TOKEN=$(cat token) firn use team --server http://p620:5000":
            .ran(by: "aCacheIsFoundByItsName"),
        "CACHIX_AUTH_TOKEN=… firn use cachix:mine": .ran(by: "aPrivateCacheAtCachixIsUsed"),
        "firn use --remove http://p620:5000":
            .ran(by: "aPrivateCacheIsUsedWithNothingElseAndLeftWithoutATrace"),
        "firn use --remove cachix:nix-community": .ran(by: "aPublicCacheAtCachixTakesNoToken"),
        "sudo firn use --agent": .ran(by: "theDaemonIsTheOnlyCacheAndItsTiersAreTrusted"),
    ]
}
