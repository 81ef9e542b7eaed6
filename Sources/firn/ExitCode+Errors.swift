// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CacheClient
import ClientSetup
import Depot
import Fleet
import Push

/// The exit codes of the design; each command's help lists the ones it can end with.
extension ExitCode {
    static let failed = ExitCode(1)
    static let usage = ExitCode(2)
    static let someFailed = ExitCode(3)
    static let refused = ExitCode(4)
    static let unreachable = ExitCode(5)
    static let rolledBack = ExitCode(6)
    static let interrupted = ExitCode(130)

    /// The map from what went wrong to the code that the shell sees.
    init(of error: any Error) {
        switch error {
        case let error as ConfigurationError: self = Self.code(of: error)
        case let error as KeyFileError: self = Self.code(of: error)
        case let error as ServeError: self = Self.code(of: error)
        case let error as FirnConnectionError: self = Self.code(of: error)
        case let error as ExplainFailure: self = Self.code(of: error)
        case is GCFailure: self = .failed
        case let error as PushTargetError: self = Self.code(of: error)
        case let error as UseError: self = Self.code(of: error)
        case let error as CacheReader.Failure: self = Self.code(of: error)
        // What others wrote is not touched where it is not understood.
        case is ConfChange.Failure, is ConfReader.Failure, is NetrcChange.Failure,
            is NixOSModule.Failure:
            self = .refused
        case is UseReference.ParseError: self = .usage
        case let error as FleetError: self = Self.code(of: error)
        case is CancellationError: self = .interrupted
        case is ClosureWalk.NotValid: self = .failed
        case is NotConfirmed, is QueueTaken: self = .refused
        case is QueueLeftOver: self = .someFailed
        case is PullTier.Unusable, is DaemonPlace.Failure, is StorePathReference.NotOne,
            is PushCacheReference.ParseError,
            is PushSecrets.Failure, is PushFilter.BadPattern, is TokenFileProblem:
            self = .usage
        case let error as ExitCode: self = error
        default:
            // ArgumentParser ends wrong usage with the 64 of sysexits(3).
            self = Firn.exitCode(for: error) == .validationFailure ? .usage : .failed
        }
    }

    private static func code(of error: ConfigurationError) -> ExitCode {
        switch error {
        case .fileMissing, .fileUnreadable, .syntax, .unknownKey, .notATable,
            .notAList, .missingKey, .tierIsThisServer, .badFile, .excluded, .badValue,
            .incompleteTLS, .badSocketActivation:
            .usage
        }
    }

    private static func code(of error: KeyFileError) -> ExitCode {
        switch error {
        case .unreadable, .malformed, .badName: .usage
        case .alreadyThere, .notWritable: .failed
        }
    }

    private static func code(of error: FirnConnectionError) -> ExitCode {
        switch error.cause {
        case .notRunning, .timedOut, .brokenOff, .notFirn, .unanswered, .unreadable, .failed:
            .unreachable
        case .untrusted: .refused
        case .refused(400, _): .usage
        case .refused(401, _), .refused(403, _): .refused
        case .refused: .failed
        }
    }

    private static func code(of error: PushTargetError) -> ExitCode {
        switch error {
        case .unreachable, .busy: .unreachable
        case .refused: .refused
        case .rejected, .lost: .failed
        }
    }

    private static func code(of error: UseError) -> ExitCode {
        switch error {
        case .noPlace, .badToken, .keyUnknown, .badKey, .notLoopback, .ambiguous: .usage
        case .managedByNix, .notRegular, .notWritable, .notAdmitted, .otherStore, .wrongKey:
            .refused
        case .unreadable, .changedMeanwhile, .writeFailed, .noTiers, .notOurs: .failed
        }
    }

    private static func code(of error: CacheReader.Failure) -> ExitCode {
        switch error {
        case .unreachable: .unreachable
        case .refused: .refused
        case .noCache: .failed
        }
    }

    private static func code(of error: ExplainFailure) -> ExitCode {
        switch error {
        case .nobodyHas: .failed
        }
    }

    private static func code(of error: FleetError) -> ExitCode {
        switch error {
        case .selection, .canaryNotAmong, .emergencyForOne, .noPassword, .noMAC: .usage
        case .emergencyNotAgreed: .refused
        case .nothingQueued, .nothingLeft: .success
        }
    }

    private static func code(of error: ServeError) -> ExitCode {
        switch error {
        case .cannotListen, .depotUnusable: .failed
        case .unusableTLS, .storeMissing, .depotRefused, .depotTooLarge: .usage
        case .depotInUse: .refused
        case .bucketUnusable(_, let problem, _): code(of: problem)
        case .catalogUnusable(_, let problem, _): code(of: problem)
        case .storeUnreadable: .unreachable
        }
    }

    private static func code(of problem: PostgresProblem) -> ExitCode {
        switch problem {
        case .noLibrary, .badFile, .noDatabase, .tooOld, .madeByNewerFirn: .usage
        case .notAdmitted, .untrusted, .forbidden, .ofAnotherDepot: .refused
        case .unreachable, .busy, .timedOut, .lost, .undecided: .unreachable
        case .failed, .unreadable: .failed
        }
    }

    private static func code(of problem: S3Problem) -> ExitCode {
        switch problem {
        case .noBucket, .wrongRegion, .noCredentials: .usage
        case .wrongKey, .expired, .forbidden, .untrusted, .owned: .refused
        case .unreachable, .busy: .unreachable
        case .wrongClock, .changed, .damaged, .unreadable, .failed: .failed
        }
    }
}
