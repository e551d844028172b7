import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import type { SessionEnd } from '../../../transports/webrtc/link/session-media.ts';
import { addressOf } from '../../../transports/webrtc/link/transport.ts';
import type { WebRtcSession } from '../session/session.ts';
import type { WebRtcSessionItem } from '../session/session-kind.ts';
import type { LocalPorts } from '../transport/candidates.ts';

/** How long an end reason is kept. A page requests it right after its transport closes, or later after a timeout. */
const REMEMBERED_MS = 60_000;

export interface Ending {
  readonly reason: string;
  readonly end: SessionEnd;
}

/** Remembers why the server ended sessions: DTLS can close them but give no reason. */
export class EndedSessions {
  readonly #clock: Clock;
  readonly #endings = new Map<string, Ending & { readonly monoMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  remember(secret: string, reason: string, end: SessionEnd): void {
    if (end === 'byPeer') {
      return;
    }
    // A stream with hundreds of viewers may end.
    putBounded(this.#endings, secret, { reason, end, monoMs: this.#clock.monoMs() }, 500);
  }

  find(secret: string): Ending | undefined {
    const ending = this.#endings.get(secret);
    return ending && this.#clock.monoMs() - ending.monoMs <= REMEMBERED_MS ? ending : undefined;
  }

  tick(): void {
    const nowMs = this.#clock.monoMs();
    for (const [secret, { monoMs }] of this.#endings) {
      if (nowMs - monoMs <= REMEMBERED_MS) {
        break;
      }
      this.#endings.delete(secret);
    }
  }
}

export function describeSession(session: WebRtcSession, ports: LocalPorts): WebRtcSessionItem {
  const { requester, remote, media } = session;
  const { statistics } = media;
  const isEstablished = session.state === 'connected';
  const outboundBytes = statistics.outboundBytes + session.counts.outboundRtcpBytes;
  return {
    id: session.id,
    created: new Date(session.createdWallMs).toISOString(),
    remoteAddr: remote ? addressOf(remote) : requester.remoteAddr,
    peerConnectionEstablished: isEstablished,
    localCandidate:
      isEstablished && remote ? `host/${remote.protocol}/${remote.localAddress}/${ports[remote.protocol].port}` : '',
    remoteCandidate: isEstablished && remote ? `host/${remote.protocol}/${remote.address}/${remote.port}` : '',
    state: media.state,
    path: requester.path,
    query: requester.query,
    user: requester.user,
    userAgent: requester.userAgent,
    inboundBytes: session.counts.inboundBytes,
    inboundRTPPackets: statistics.inboundPackets,
    inboundRTPPacketsLost: statistics.inboundLost,
    inboundRTPPacketsJitter: statistics.jitterSeconds,
    inboundRTCPPackets: session.counts.inboundRtcpPackets,
    outboundBytes,
    outboundRTPPackets: statistics.outboundPackets,
    outboundRTPPacketsReportedLost: statistics.outboundReportedLost,
    outboundRTCPPackets: session.counts.outboundRtcpPackets,
    outboundFramesDiscarded: statistics.framesDiscarded,
    roundTripMs: statistics.roundTripMs === undefined ? null : Math.round(statistics.roundTripMs),
    viewing: statistics.quality ?? null,
    bytesReceived: session.counts.inboundBytes,
    bytesSent: outboundBytes,
    rtpPacketsReceived: statistics.inboundPackets,
    rtpPacketsSent: statistics.outboundPackets,
    rtpPacketsLost: statistics.inboundLost,
    rtpPacketsJitter: statistics.jitterSeconds,
    rtcpPacketsReceived: session.counts.inboundRtcpPackets,
    rtcpPacketsSent: session.counts.outboundRtcpPackets,
  };
}
