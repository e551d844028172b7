import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';
import type { PublisherOwner, Received, Sent, TransportKind } from '../transport/media-plane.ts';
import type { TunnelKind } from '../tunnel/accept-channel.ts';
import type { RtspTarget } from './target.ts';

/** As MediaMTX's API names them. */
export const TRANSPORT_LABEL = { tcp: 'TCP', udp: 'UDP', multicast: 'UDP-multicast' } as const satisfies Record<
  TransportKind,
  string
>;

/** What media within the connection travel in. */
const CARRIER: Record<TunnelKind, string> = { none: 'TCP', http: 'HTTP tunnel', websocket: 'WebSocket tunnel' };

/** A connection, as far as its session needs it. */
export interface SessionLink {
  readonly id: string;
  /** Canonical. */
  readonly ip: string;
  /** `address:port`. */
  readonly remote: string;
  /** The same of this side; undefined: it has come through a tunnel. */
  readonly local: string | undefined;
  readonly tunnel: TunnelKind;
  /** Nothing comes any more, and nothing that is written leaves. */
  readonly isClosed: boolean;
  /** Bytes that were written and have not left yet. */
  readonly queuedBytes: number;
  write(bytes: Uint8Array): void;
  /** Nothing more is read until `resume`: the peer has to wait. */
  pause(): void;
  resume(): void;
  /** Ends the connection at once. */
  close(reason: string): void;
  /** Ends the connection when everything has been sent. */
  finish(reason: string): void;
}

/** What a session does: reading, or publishing. */
export interface Role {
  readonly state: 'idle' | 'read' | 'publish';
  /** Undefined until the first track is set up. */
  readonly kind: TransportKind | undefined;
  readonly sent: Sent;
  readonly received: Received;
  /** Monotonic time of the last packet of the peer outside of requests; 0 while there is none. */
  readonly heardMs: number;
  /** An interleaved frame from the peer: its payload is `chunk[start, end)`, valid during the call only. */
  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void;
  close(): void;
}

/** Everything that a session is opened with. */
export interface SessionFacts {
  readonly type: 'rtspSession' | 'rtspsSession';
  readonly target: RtspTarget;
  readonly user: string;
  readonly userAgent: string;
  /** The connection that asked for it: media go through it when they are interleaved. */
  readonly home: SessionLink;
  readonly readTimeoutMs: number;
}

/** A session without any sign of life ends after so long, RFC 2326 §12.37. Clients are told a little less. */
const IDLE_MS = 60_000;
export const TOLD_TIMEOUT_S = 55;

/** One peer's session, RFC 2326 §3: over TCP it lives with its connection, else by signs of life. */
export class RtspSession implements PublisherOwner {
  readonly id = randomUUID();
  /** What the peer names it by: whoever knows it may control it. */
  readonly key = randomBytes(16).toString('hex');
  readonly facts: SessionFacts;
  readonly createdWallMs: number;
  readonly links = new Set<SessionLink>();
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #onClosed: (session: RtspSession) => void;
  #role: Role | undefined;
  #aliveMs: number;
  #isClosed = false;

  constructor(facts: SessionFacts, onClosed: (session: RtspSession) => void, clock: Clock, log: Logger) {
    this.facts = facts;
    this.#onClosed = onClosed;
    this.#clock = clock;
    this.#log = log.child({ path: facts.target.name, session: this.id });
    this.createdWallMs = clock.wallMs();
    this.#aliveMs = clock.monoMs();
    this.links.add(facts.home);
  }

  get role(): Role | undefined {
    return this.#role;
  }

  set role(role: Role) {
    this.#role = role;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** A request of this session has come, on any connection. */
  touch(link: SessionLink): void {
    this.links.add(link);
    this.#aliveMs = this.#clock.monoMs();
  }

  /** What the peer has begun to do, for the log. */
  began(what: string): void {
    const { home, user } = this.facts;
    this.#aliveMs = this.#clock.monoMs();
    const who = user === '' ? { remote: home.remote } : { remote: home.remote, user };
    this.#log.info({ ...who, transport: this.#transport }, what);
  }

  /** How the media travel, for people. */
  get #transport(): string | undefined {
    const { type, home } = this.facts;
    const kind = this.#role?.kind;
    if (kind !== 'tcp') {
      return kind && TRANSPORT_LABEL[kind];
    }
    return type === 'rtspsSession' ? `${CARRIER[home.tunnel]} over TLS` : CARRIER[home.tunnel];
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    this.#role?.onFrame(chunk, channel, start, end);
  }

  onMediaEnd(reason: string): void {
    this.close(reason);
  }

  writeFrames(frames: Uint8Array): void {
    this.facts.home.write(frames);
  }

  pauseReading(): void {
    this.facts.home.pause();
  }

  resumeReading(): void {
    this.facts.home.resume();
  }

  /** The connection has ended: the session too, unless its media go another way. */
  onLinkClosed(link: SessionLink): void {
    this.links.delete(link);
    const kind = this.#role?.kind;
    if (link === this.facts.home && (kind === undefined || kind === 'tcp')) {
      this.close('its connection is gone');
    }
  }

  tick(nowMs: number): void {
    const role = this.#role;
    const silentMs = nowMs - Math.max(this.#aliveMs, role?.heardMs ?? 0);
    const { readTimeoutMs } = this.facts;
    if (role?.state === 'publish') {
      if (nowMs - Math.max(this.#aliveMs, role.heardMs) > readTimeoutMs) {
        this.close(`the publisher has sent nothing for ${readTimeoutMs / 1000} s`);
      }
    } else if (silentMs > IDLE_MS && !(role?.state === 'read' && role.kind === 'tcp')) {
      this.close(`no sign of life for ${IDLE_MS / 1000} s`);
    }
  }

  /** Ends the session and its connections. */
  close(reason: string): void {
    this.end(reason);
    for (const link of [...this.links]) {
      link.close(reason);
    }
  }

  /** As `close`, but what waits to be sent still goes out. */
  finish(reason: string): void {
    this.end(reason);
    for (const link of [...this.links]) {
      link.finish(reason);
    }
  }

  /** Ends the session alone: the peer may open another one on its connection. */
  end(reason: string): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#role?.close();
    this.#onClosed(this);
    this.#log.info({ remote: this.facts.home.remote, reason }, 'RTSP session closed');
  }
}
