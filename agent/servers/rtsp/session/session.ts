import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';
import type { PeerKind } from '../../../stream/stream.ts';
import type { Delivery, PublisherOwner, TransportKind } from '../transport/media-plane.ts';
import type { TunnelKind } from '../tunnel/accept-channel.ts';
import type { RtspTarget } from './target.ts';

/** MediaMTX's API names. */
export const TRANSPORT_LABEL = { tcp: 'TCP', udp: 'UDP', multicast: 'UDP-multicast' } as const satisfies Record<
  TransportKind,
  string
>;

/** The connection of interleaved media, as the log names it. */
const CARRIER: Record<TunnelKind, string> = { none: 'TCP', http: 'HTTP tunnel', websocket: 'WebSocket tunnel' };

export interface SessionLink {
  readonly id: string;
  /** Canonical IP address. */
  readonly ip: string;
  /** `address:port`. */
  readonly remote: string;
  /** The local end; undefined for a tunnel. */
  readonly local: string | undefined;
  readonly tunnel: TunnelKind;
  /** The halves of its tunnel have different addresses. */
  readonly hasTwoAddresses?: boolean;
  readonly isClosed: boolean;
  /** Bytes written, but not yet sent. */
  readonly queuedBytes: number;
  write(bytes: Uint8Array): void;
  /** Stops reading until `resume`: the peer has to wait. */
  pause(): void;
  resume(): void;
  /** Closes at once. */
  close(reason: string): void;
  /** Closes after everything is sent. */
  finish(reason: string): void;
}

export interface Role {
  readonly state: 'idle' | 'read' | 'publish';
  /** Longest pause of a publisher; default: the read timeout. */
  readonly maxSilenceMs?: number;
  /** How long the peer may leave what is queued unread; default: the write timeout. */
  readonly maxUnreadMs?: number;
  /** How long it may be idle, whatever the peer asks; default: while the peer keeps the session alive. */
  readonly maxIdleMs?: number;
  /** Undefined before the first SETUP. */
  readonly media: Pick<Delivery, 'kind' | 'isSecure' | 'sent' | 'received' | 'lastReceivedMs'> | undefined;
  /** An interleaved frame: its payload is `chunk[start, end)`, valid during the call only. */
  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void;
  close(): void;
}

export interface SessionOptions {
  readonly id: string;
  readonly kind: PeerKind;
  readonly target: RtspTarget;
  readonly user: string;
  readonly userAgent: string;
  /** Absent: it reads, publishes or talks. */
  readonly action?: 'playback' | undefined;
  /** The connection of the first request; carries interleaved media. */
  readonly connection: SessionLink;
  readonly readTimeoutMs: number;
}

/** Limit without any request or packet, RFC 2326 §12.37. The `timeout` that clients get is a little shorter. */
const IDLE_MS = 60_000;
export const REPORTED_TIMEOUT_S = 55;

/** A session, RFC 2326 §3. Over TCP it ends with its connection, else by timeout. */
export class RtspSession implements PublisherOwner {
  readonly id: string;
  /** Sent to the peer; authorizes control of the session. */
  readonly key = randomBytes(16).toString('hex');
  readonly options: SessionOptions;
  readonly createdWallMs: number;
  readonly links = new Set<SessionLink>();
  role: Role | undefined;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #onClosed: (session: RtspSession) => void;
  #lastRequestMs: number;
  /** Last time at which it was not idle. */
  #activeMs: number;
  #isClosed = false;

  constructor(options: SessionOptions, onClosed: (session: RtspSession) => void, clock: Clock, log: Logger) {
    this.options = options;
    this.id = options.id;
    this.#onClosed = onClosed;
    this.#clock = clock;
    this.#log = log.child({ path: options.target.name, session: this.id });
    this.createdWallMs = clock.wallMs();
    this.#lastRequestMs = clock.monoMs();
    this.#activeMs = this.#lastRequestMs;
    this.links.add(options.connection);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Called when a request of this session arrives, on any connection. */
  touch(link: SessionLink): void {
    this.links.add(link);
    this.#lastRequestMs = this.#clock.monoMs();
  }

  logStarted(what: string): void {
    const { connection, user } = this.options;
    this.#lastRequestMs = this.#clock.monoMs();
    const who = user === '' ? { remote: connection.remote } : { remote: connection.remote, user };
    this.#log.info({ ...who, transport: this.#transport }, what);
  }

  get #transport(): string | undefined {
    const { kind, connection } = this.options;
    const transport = this.role?.media?.kind;
    if (transport !== 'tcp') {
      return transport && TRANSPORT_LABEL[transport];
    }
    return kind.protocol === 'rtsps' ? `${CARRIER[connection.tunnel]} over TLS` : CARRIER[connection.tunnel];
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    this.role?.onFrame(chunk, channel, start, end);
  }

  onMediaEnd(reason: string): void {
    this.close(reason);
  }

  writeFrames(frames: Uint8Array): void {
    this.options.connection.write(frames);
  }

  pauseReading(): void {
    this.options.connection.pause();
  }

  resumeReading(): void {
    this.options.connection.resume();
  }

  /** Ends the session with its connection unless its media use UDP. */
  onLinkClosed(link: SessionLink): void {
    this.links.delete(link);
    const transport = this.role?.media?.kind;
    if (link === this.options.connection && (transport === undefined || transport === 'tcp')) {
      this.close('its connection was closed');
    }
  }

  tick(nowMs: number): void {
    const role = this.role;
    if (role?.state !== 'idle') {
      this.#activeMs = nowMs;
    }
    const { maxIdleMs = Number.POSITIVE_INFINITY } = role ?? {};
    const silentMs = nowMs - Math.max(this.#lastRequestMs, role?.media?.lastReceivedMs ?? 0);
    if (role?.state === 'publish') {
      const limitMs = role.maxSilenceMs ?? this.options.readTimeoutMs;
      if (silentMs > limitMs) {
        this.close(`no packets from the publisher for ${limitMs / 1000} s`);
      }
    } else if (silentMs > IDLE_MS && !(role?.state === 'read' && role.media?.kind === 'tcp')) {
      this.close(`no request or packet for ${IDLE_MS / 1000} s`);
    } else if (nowMs - this.#activeMs > maxIdleMs) {
      this.close(`nothing was played for ${maxIdleMs / 1000} s`);
    }
  }

  /** Closes the session and its connections. */
  close(reason: string): void {
    this.end(reason);
    for (const link of [...this.links]) {
      link.close(reason);
    }
  }

  /** Closes the session, and its connections after everything is sent. */
  finish(reason: string): void {
    this.end(reason);
    for (const link of [...this.links]) {
      link.finish(reason);
    }
  }

  /** Closes the session only: its connection may open another one. */
  end(reason: string): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.role?.close();
    this.#onClosed(this);
    this.#log.info({ remote: this.options.connection.remote, reason }, 'RTSP session closed');
  }
}
