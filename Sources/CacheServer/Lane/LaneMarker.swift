// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Tells the fast lane, the guard and a stopping server when the framework is between requests.
///
/// It stands where messages are whole: after the parser, before the framework's handlers. That is
/// also where an answer to HEAD is kept from having a body: the encoder behind it does not know the
/// method, and would end a body whose size is not known with a last chunk.
final class LaneMarker: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private var lane: FastLane?
    private var connectionGuard: ConnectionGuard?
    private var isHTTP1 = false
    /// Whether each request that is not answered yet is a HEAD, in order.
    private var unanswered: [Bool] = []
    private var isReadingRequest = false
    /// Requests whose answers are not with the kernel to their last byte.
    private var unsent = 0
    /// What would make the framework close, kept from it until the connection is idle.
    private var heldEvents: [Any] = []

    func handlerAdded(context: ChannelHandlerContext) {
        // Neither is there in a stream of HTTP/2, and the lane is not under TLS.
        lane = try? context.pipeline.syncOperations.handler(type: FastLane.self)
        connectionGuard = try? context.pipeline.syncOperations.handler(type: ConnectionGuard.self)
        let encoder = try? context.pipeline.syncOperations.handler(type: HTTPResponseEncoder.self)
        isHTTP1 = encoder != nil
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        lane = nil
        connectionGuard = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let request):
            unanswered.append(request.method == .head)
            isReadingRequest = true
            unsent += 1
            connectionGuard?.headArrived()
        case .body: break
        case .end: isReadingRequest = false
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        connectionGuard?.answerMoved()
        guard case .end = unwrapOutboundIn(data) else {
            context.write(data, promise: promise)
            return
        }
        let wasHead = unanswered.isEmpty ? false : unanswered.removeFirst()
        let sent = promise ?? context.eventLoop.makePromise()
        sent.futureResult.assumeIsolated().whenComplete { [self] _ in
            unsent -= 1
            releaseWhenIdle(context)
        }
        if isHTTP1, wasHead {
            sent.succeed()
        } else {
            context.write(data, promise: sent)
        }
        connectionGuard?.answerEnded()
        if unanswered.isEmpty, !isReadingRequest { lane?.frameworkIsIdle() }
    }

    /// Holds the word of the stop, and the client's of having nothing more to ask, until answers are out.
    ///
    /// The framework closes once the last part of an answer was written, whether or not it has left:
    /// a slow client would miss the end.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        let wouldClose =
            event is ChannelShouldQuiesceEvent
            || (event as? ChannelEvent == .inputClosed && !isReadingRequest)
        guard isHTTP1, wouldClose else {
            context.fireUserInboundEventTriggered(event)
            return
        }
        heldEvents.append(event)
        releaseWhenIdle(context)
    }

    private func releaseWhenIdle(_ context: ChannelHandlerContext) {
        guard unsent == 0 else { return }
        let events = heldEvents
        heldEvents = []
        for event in events { context.fireUserInboundEventTriggered(event) }
        lane?.answersHaveLeft()
    }
}
