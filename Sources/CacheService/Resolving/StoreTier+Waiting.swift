// SPDX-License-Identifier: Apache-2.0
import NixStore

extension StoreTier {
    /// How long files of the store may take: a disk may have to wake up, a path may have 100,000 entries.
    static let fileDeadline: Duration = .seconds(30)

    /// Does what blocks on a thread that may wait.
    ///
    /// - Throws: What is a decision of ours as it is; everything else, the deadline and a full queue
    ///   included, as ``CacheError/storageUnavailable(_:)``: nobody knows then.
    func waiting<Value: Sendable>(
        atMost deadline: Duration,
        for work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        do {
            return try await workers.run(deadline: deadline, work)
        } catch let error as CacheError {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            throw CacheError.storageUnavailable(error)
        }
    }

    /// Asks the database, and says so when it does not answer.
    func asking<Value: Sendable>(
        _ question: (Duration) async throws -> Value
    ) async throws -> Value {
        do {
            return try await question(configuration.lookupDeadline)
        } catch let error as CancellationError {
            throw error
        } catch {
            throw CacheError.storageUnavailable(error)
        }
    }
}
