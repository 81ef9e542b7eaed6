// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOHTTPTypes

/// Tells the fast lane and the guard when the framework is between requests.
///
/// It stands where messages are whole: after the parser, before the framework's handlers.
final class LaneMarker: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private var lane: FastLane?
    private var connectionGuard: ConnectionGuard?
    private var requestsBegun = 0
    private var requestsRead = 0
    private var answered = 0

    func handlerAdded(context: ChannelHandlerContext) {
        // Neither is there in a stream of HTTP/2, and the lane is not under TLS.
        lane = try? context.pipeline.syncOperations.handler(type: FastLane.self)
        connectionGuard = try? context.pipeline.syncOperations.handler(type: ConnectionGuard.self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        lane = nil
        connectionGuard = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            requestsBegun += 1
            connectionGuard?.headArrived()
        case .body: break
        case .end: requestsRead += 1
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let isEnd = if case .end = unwrapOutboundIn(data) { true } else { false }
        connectionGuard?.answerMoved()
        context.write(data, promise: promise)
        guard isEnd else { return }
        answered += 1
        connectionGuard?.answerEnded()
        if answered == requestsBegun, answered == requestsRead { lane?.frameworkIsIdle() }
    }
}
