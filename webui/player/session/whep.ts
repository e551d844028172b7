import { errorFromResponse } from '../../api-client/request.ts';
import { codecIn } from './codecs.ts';
import {
  failureOf,
  GONE,
  isSoundLeftOut,
  type LiveSession,
  leftOutOf,
  openSession,
  PlayError,
  playOrMute,
  type SessionFacts,
} from './live-session.ts';
import { type Source, sessionAddress } from './source.ts';

/** Limit for the response to a cancelled offer, which has the session's address, and to the question for a session. */
const MAX_LEFT_MS = 3_000;

export interface OpenOptions {
  readonly source: Source;
  readonly wantsSound: boolean;
  readonly signal: AbortSignal;
  /** Whether an OPTIONS request comes first, because the browser logs a rejected offer in its console. */
  readonly asksFirst?: boolean;
}

/** Plays a path over WebRTC: one offer, one answer (RFC 9725 and WHEP), and a DELETE at the end. */
export async function openWhep(video: HTMLVideoElement, options: OpenOptions): Promise<LiveSession> {
  const { whep } = options.source;
  if (typeof RTCPeerConnection === 'undefined' || whep === undefined) {
    throw new PlayError('transport', 'this browser has no WebRTC');
  }
  const peer = new RTCPeerConnection();
  const session = new WhepSession(peer, whep, options.source.headers);
  return openSession(session, options.signal, async () => {
    const stream = new MediaStream();
    peer.addEventListener('track', ({ track }) => stream.addTrack(track));
    peer.addTransceiver('video', { direction: 'recvonly' });
    if (options.wantsSound) {
      peer.addTransceiver('audio', { direction: 'recvonly' });
    }
    await Promise.race([session.offer(options.asksFirst === true), session.ended]);
    // On the same network ICE takes a tenth of a second; otherwise the media port is unreachable.
    await session.connected(5_000);
    video.srcObject = stream;
    playOrMute(video);
  });
}

class WhepSession implements LiveSession {
  readonly technology = 'WebRTC';
  readonly ended: Promise<string>;
  readonly #peer: RTCPeerConnection;
  readonly #whep: string;
  readonly #headers: Source['headers'];
  #end: (reason: string) => void = () => {};
  #address: string | undefined;
  lacksSound = false;
  #leftOut: readonly string[] = [];
  #isClosed = false;
  readonly #offering = new AbortController();
  #patience: ReturnType<typeof setTimeout> | undefined;

  constructor(peer: RTCPeerConnection, whep: string, headers: Source['headers']) {
    this.#peer = peer;
    this.#whep = whep;
    this.#headers = headers;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    peer.addEventListener('connectionstatechange', () => this.#onState());
  }

  async offer(asksFirst: boolean): Promise<void> {
    const peer = this.#peer;
    // In parallel: an offer takes as long as this response.
    const [options] = await Promise.all([asksFirst ? this.#ask('OPTIONS') : undefined, peer.setLocalDescription()]);
    if (options?.headers.get('Perch-B-Frames')) {
      throw new PlayError('codec', 'B-frames');
    }
    const response = options?.ok === false ? options : await this.#ask('POST', peer.localDescription?.sdp);
    if (response.status !== 201) {
      const error = await errorFromResponse(response);
      throw failureOf(error.status, error.message);
    }
    this.#address = sessionAddress(this.#whep, response.headers.get('Location') ?? '');
    const leftOut = response.headers.get('Perch-Left-Out');
    this.#leftOut = leftOutOf(leftOut);
    this.lacksSound = isSoundLeftOut(leftOut);
    const sdp = await response.text();
    if (this.#isClosed) {
      // Cancelled.
      return this.#delete();
    }
    await peer.setRemoteDescription({ type: 'answer', sdp });
    this.#listenForGoodbye();
  }

  /** The box ends a session by a TLS alert (RFC 8446 §6.1); the connection state would change seconds later. */
  #listenForGoodbye(): void {
    for (const { receiver } of this.#peer.getTransceivers()) {
      const { transport } = receiver;
      transport?.addEventListener('statechange', () => {
        if (transport.state === 'closed' && !this.#isClosed) {
          // The session no longer exists on the box.
          this.#address = undefined;
          this.#end('ended by the server');
        }
      });
    }
  }

  async check(): Promise<void> {
    const address = this.#address;
    if (address === undefined) {
      return;
    }
    const signal = AbortSignal.timeout(MAX_LEFT_MS);
    const answer = await fetch(address, { method: 'OPTIONS', headers: this.#headers, signal }).catch(() => undefined);
    if (answer?.status === 404) {
      this.#address = undefined;
      this.#end(GONE);
    }
  }

  async #ask(method: 'OPTIONS' | 'POST', body: string | null = null): Promise<Response> {
    try {
      return await fetch(this.#whep, {
        method,
        headers: { ...this.#headers, 'Content-Type': 'application/sdp' },
        body,
        signal: this.#offering.signal,
      });
    } catch {
      throw new PlayError('away', 'no answer');
    }
  }

  /** Resolves when media can flow. */
  async connected(limitMs: number): Promise<void> {
    const peer = this.#peer;
    const opened = new Promise<undefined>((resolve) => {
      const check = () => peer.connectionState === 'connected' && resolve(undefined);
      peer.addEventListener('connectionstatechange', check);
      check();
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`no connection within ${limitMs / 1000} s`), limitMs);
    });
    const failure = await Promise.race([opened, this.ended, late]);
    clearTimeout(timer);
    if (failure !== undefined) {
      throw new PlayError('transport', failure);
    }
  }

  get soundAlone(): LiveSession['soundAlone'] {
    const flowing = this.#peer.getTransceivers().filter(({ currentDirection }) => currentDirection === 'recvonly');
    const receivers = flowing.map(({ receiver }) => receiver);
    const sound = receivers.find(({ track }) => track.kind === 'audio');
    const hasPicture = receivers.some(({ track }) => track.kind === 'video');
    return sound === undefined || hasPicture
      ? undefined
      : () => sound.getSynchronizationSources()[0]?.rtpTimestamp ?? 0;
  }

  async facts(): Promise<SessionFacts> {
    const report = await this.#peer.getStats();
    for (const { type, kind, bytesReceived, packetsLost, codecId } of report.values()) {
      if (type === 'inbound-rtp' && kind === 'video') {
        const codec = codecIn(String(report.get(codecId)?.mimeType));
        return { leftOut: this.#leftOut, report, bytesReceived, packetsLost, ...(codec && { codec }) };
      }
    }
    return { leftOut: this.#leftOut, report };
  }

  close(): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    clearTimeout(this.#patience);
    this.#end('closed');
    setTimeout(() => this.#offering.abort(), MAX_LEFT_MS);
    // DELETE comes first: after the connection has closed, the box no longer knows the session.
    this.#delete().finally(() => this.#peer.close());
  }

  #onState(): void {
    clearTimeout(this.#patience);
    const state = this.#peer.connectionState;
    if (state === 'failed' || state === 'closed') {
      this.#end('the connection is lost');
    }
    if (state === 'disconnected') {
      // ICE often recovers by itself.
      this.#patience = setTimeout(() => this.#end('the connection is lost'), 3_000);
    }
  }

  async #delete(): Promise<void> {
    const address = this.#address;
    this.#address = undefined;
    if (address === undefined) {
      return;
    }
    // `keepalive`, because the page may be closing. A session that is not deleted times out.
    const signal = AbortSignal.timeout(2_000);
    await fetch(address, { method: 'DELETE', headers: this.#headers, keepalive: true, signal }).catch(() => {});
  }
}
