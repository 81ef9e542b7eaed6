// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization
import Upstream

/// The bytes of one file from one place on, from whichever tier brings them first.
///
/// The first tier has some time for itself. Then, or when it fails, the next one is asked beside it,
/// and so on; who brings the bytes goes on, and all others are let go.
struct StreamRace: Sendable {
    struct Result: Sendable {
        /// Who goes on; `nil` when all have failed, or are to be left for another form.
        var winner: Winner?
        var failures: [(candidate: Candidate, failure: UpstreamFailure)] = []
        /// Those that had their time and did not win.
        var slow: [Candidate] = []
        /// What tiers said that nobody had known of.
        var found: [Candidate] = []
        /// Whether nobody brought anything in time, while another form can be had.
        var givesWay = false
        /// Whether more tiers were looked for.
        var hasSearched = false
        /// Who is to be the winner when nobody brings anything any more.
        fileprivate var first: (entrant: Entrant, isOver: Bool)?
    }

    struct Winner: Sendable {
        let candidate: Candidate
        let stream: any NARByteStream
        var bytes: [[UInt8]]
        let isOver: Bool
    }

    /// One that was asked, and what it has brought.
    final class Entrant: Sendable {
        let candidate: Candidate
        fileprivate let asked = Flight<Bool>()
        private let state: Mutex<State>

        private struct State {
            var stream: (any NARByteStream)?
            var bytes: [[UInt8]] = []
            var count = 0
        }

        /// The stream is there already where the tier is in the middle of the file.
        init(_ candidate: Candidate, _ stream: (any NARByteStream)? = nil) {
            self.candidate = candidate
            state = Mutex(State(stream: stream))
        }

        fileprivate var count: Int { state.withLock { $0.count } }
        fileprivate var stream: (any NARByteStream)? { state.withLock { $0.stream } }
        fileprivate func use(_ stream: any NARByteStream) { state.withLock { $0.stream = stream } }

        fileprivate func add(_ bytes: [UInt8]) -> Int {
            state.withLock { state in
                state.bytes.append(bytes)
                state.count += bytes.count
                return state.count
            }
        }

        fileprivate func winner(isOver: Bool) -> Winner? {
            state.withLock { state in
                guard let stream = state.stream else { return nil }
                let (candidate, bytes) = (candidate, state.bytes)
                return Winner(candidate: candidate, stream: stream, bytes: bytes, isOver: isOver)
            }
        }
    }

    private enum Event: Sendable {
        case brought(Int, isOver: Bool)
        case failed(Int, UpstreamFailure)
        case impatient(Int)
        case stopped
        case found(Candidate?)
        case timeUp
    }

    /// Has the file.
    let model: Candidate
    /// Where in the file to begin, and how large it is where a narinfo said so.
    let position: UInt64
    let sizeBytes: UInt64?
    /// Who has brought so many has won.
    let goalBytes: Int
    /// Where there may be more tiers.
    let search: CandidateSearch?
    /// Whether to end when nobody has brought anything in time and there is another form.
    let canGiveWay: Bool
    /// Whether one is known already.
    let hasOtherForm: Bool

    private static let leastPatience = Duration.seconds(1)
    private static let mostPatience = Duration.seconds(3)
    private static let trialPatience = Duration.milliseconds(200)
    /// With a goal of more than a byte: who has most by then goes on.
    private static let limit = Duration.seconds(3)

    /// - Parameters:
    ///   - candidates: Those that are known, the first of them first.
    ///   - current: Who is in the middle of the file, and has had its time.
    /// - Returns: Who goes on, and what became of the others.
    func run(_ candidates: [Candidate], current: Entrant?) async -> Result {
        var result = await raced(candidates, current: current)
        // Not before: what it was handed while the race was being ended is its, too.
        result.winner = result.first.flatMap { $0.entrant.winner(isOver: $0.isOver) }
        return result
    }

    private func raced(_ candidates: [Candidate], current: Entrant?) async -> Result {
        await withTaskGroup(of: Event.self) { group in
            defer { group.cancelAll() }
            var course = Course(candidates, like: model, search)
            if let current { enter(current, for: .zero, &course, &group) }
            while true {
                while course.wantsNext, let next = course.takeNext() {
                    let patience = patience(with: next.tier)
                    enter(Entrant(next), for: patience, &course, &group)
                }
                if course.wantsNext, let search { look(search, &course, &group) }
                if let result = ending(of: course, current) { return result }
                guard let event = await group.next() else { return course.result }
                if take(event, &course) { return course.result }
                if goalBytes > 1, course.entrants.count > 1, !course.isTimed {
                    course.isTimed = true
                    group.addTask {
                        try? await Task.sleep(for: Self.limit)
                        return .timeUp
                    }
                }
            }
        }
    }

    /// - Returns: Whether the race is over.
    private func take(_ event: Event, _ course: inout Course) -> Bool {
        switch event {
        case .brought(let index, let isOver):
            course.end(with: index, isOver: isOver)
            return true
        case .failed(let index, let failure): course.drop(index, failure)
        case .impatient(let index): course.noteImpatience(with: index)
        case .found(let candidate): course.note(candidate)
        case .stopped: break
        case .timeUp:
            let most = course.running.max { course.entrants[$0].count < course.entrants[$1].count }
            guard let most else { break }
            guard course.entrants[most].stream != nil else { break }
            course.end(with: most, isOver: false)
            return true
        }
        return false
    }

    /// How it ends without anybody having come in.
    private func ending(of course: Course, _ current: Entrant?) -> Result? {
        var result = course.result
        guard !course.hasHope else { return nil }
        if course.running.isEmpty { return result }
        if canGiveWay, hasOtherForm || course.hasOtherForm {
            result.givesWay = true
            result.slow = course.impatient.map(\.candidate)
            return result
        }
        // There is nobody else: it may take the time that it needs.
        guard let current, course.entrants.count == 1 else { return nil }
        result.first = (current, false)
        return result
    }

    private func enter(
        _ entrant: Entrant,
        for patience: Duration,
        _ course: inout Course,
        _ group: inout TaskGroup<Event>
    ) {
        let index = course.enter(entrant)
        group.addTask { await bring(entrant, index) }
        guard patience > .zero else { return course.noteImpatience(with: index) }
        group.addTask {
            // While it waits for its turn, nobody but us is slow.
            guard await entrant.asked.wait() != nil else { return .stopped }
            try? await Task.sleep(for: patience)
            return .impatient(index)
        }
    }

    private func look(
        _ search: CandidateSearch,
        _ course: inout Course,
        _ group: inout TaskGroup<Event>
    ) {
        for tier in course.beginSearch() {
            group.addTask { .found(await search.ask(tier)) }
        }
    }

    private func bring(_ entrant: Entrant, _ index: Int) async -> Event {
        do throws(UpstreamFailure) {
            let stream = try await opened(entrant)
            while true {
                // Waiting so ends nothing: whoever goes on with this stream has lost no byte of it.
                while await !stream.isReady(until: .now + .seconds(60)) {
                    if Task.isCancelled { return .stopped }
                }
                guard let bytes = try await stream.next() else {
                    return .brought(index, isOver: true)
                }
                let count = entrant.add(bytes)
                let left = sizeBytes.map { Int(clamping: $0 - position) } ?? .max
                if count >= min(goalBytes, left) { return .brought(index, isOver: false) }
            }
        } catch {
            return Task.isCancelled ? .stopped : .failed(index, error)
        }
    }

    private func opened(_ entrant: Entrant) async throws(UpstreamFailure) -> any NARByteStream {
        if let stream = entrant.stream { return stream }
        let (tier, narInfo) = (entrant.candidate.tier, entrant.candidate.narInfo)
        let stream = try await tier.cache.openNAR(narInfo, from: position) {
            entrant.asked.land(true)
        }
        if let sizeBytes, let announced = stream.sizeBytes, announced != sizeBytes {
            throw .malformed("the file has \(announced) bytes, its narinfo says \(sizeBytes)")
        }
        entrant.use(stream)
        return stream
    }

    /// How long a tier is alone: a second, or longer where it is always slow.
    private func patience(with tier: RemoteTier) -> Duration {
        if tier.narTrouble.isPresent() { return .zero }
        if tier.narTrouble.beginTrial() { return Self.trialPatience }
        let usual = tier.cache.slowLatency ?? .zero
        return min(max(usual * 4, Self.leastPatience), Self.mostPatience)
    }
}

extension StreamRace {
    /// Who runs, who may, and who has been asked for more.
    fileprivate struct Course {
        private(set) var entrants: [Entrant] = []
        private(set) var running: Set<Int> = []
        private(set) var result = Result()
        private(set) var hasOtherForm = false
        /// The next is to be asked as soon as there is one.
        private(set) var wantsNext = true
        var isTimed = false
        private var waiting: [Candidate]
        private var known: Set<ObjectIdentifier>
        private var impatientIndices: Set<Int> = []
        private var unsearched: [RemoteTier]
        private var searching = 0
        private let model: Candidate

        init(_ candidates: [Candidate], like model: Candidate, _ search: CandidateSearch?) {
            waiting = candidates
            self.model = model
            known = []
            unsearched = search?.tiers ?? []
            for candidate in candidates { know(candidate.tier) }
        }

        /// Whether somebody may still come who is not running yet.
        var hasHope: Bool { !wantsNext || searching > 0 || !waiting.isEmpty || !unsearched.isEmpty }

        var impatient: [Entrant] { impatientIndices.map { entrants[$0] } }

        mutating func takeNext() -> Candidate? {
            waiting.isEmpty ? nil : waiting.removeFirst()
        }

        mutating func enter(_ entrant: Entrant) -> Int {
            know(entrant.candidate.tier)
            entrants.append(entrant)
            running.insert(entrants.count - 1)
            wantsNext = false
            return entrants.count - 1
        }

        /// The tiers to be asked what they have.
        mutating func beginSearch() -> [RemoteTier] {
            guard !unsearched.isEmpty else { return [] }
            defer { unsearched = [] }
            result.hasSearched = true
            let tiers = unsearched.filter { !known.contains(ObjectIdentifier($0)) }
            searching += tiers.count
            return tiers
        }

        mutating func note(_ found: Candidate?) {
            searching -= 1
            guard let found else { return }
            result.found.append(found)
            if found.hasSameFile(as: model) {
                waiting.append(found)
            } else {
                hasOtherForm = true
            }
        }

        mutating func noteImpatience(with index: Int) {
            guard running.contains(index) else { return }
            impatientIndices.insert(index)
            if index == entrants.count - 1 { wantsNext = true }
        }

        mutating func drop(_ index: Int, _ failure: UpstreamFailure) {
            running.remove(index)
            impatientIndices.remove(index)
            result.failures.append((entrants[index].candidate, failure))
            wantsNext = true
        }

        mutating func end(with index: Int, isOver: Bool) {
            result.first = (entrants[index], isOver)
            impatientIndices.remove(index)
            result.slow = impatient.map(\.candidate)
        }

        private mutating func know(_ tier: RemoteTier) { known.insert(ObjectIdentifier(tier)) }
    }
}
