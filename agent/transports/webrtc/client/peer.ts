import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError, rethrowUnexpected } from '../../../base/errors.ts';
import { joinSignals } from '../../../base/joined-signal.ts';
import type { Logger } from '../../../base/log.ts';
import { SLOT_BYTES } from '../../../native/packet-memory.ts';
import { type DtlsEvents, type DtlsPeer, loadDtls } from '../dtls/dtls.ts';
import type { SecureLink, SessionMedia } from '../link/session-media.ts';
import type { Transport } from '../link/transport.ts';
import { type Offer, parseOffer } from '../sdp/offer.ts';
import { Srtcp } from '../srtp/srtcp.ts';
import type { SrtpKeys } from '../srtp/srtp-keys.ts';
import { IceAgent, type RemoteIce } from './ice-agent.ts';
import { Signalling, type SignallingOptions } from './signalling.ts';
import { type OfferedSection, writeOffer } from './write-offer.ts';

interface Answer {
  /** The answer's sections in the order of the offer; they have the type of an offer, because the attributes are the same. */
  readonly sections: Offer;
  readonly ice: RemoteIce;
  /** Whether the server waits for our ClientHello (RFC 8842 §5.3). */
  readonly isPassive: boolean;
}

/** @throws PerchError unavailable, with what is missing */
function parseAnswer(text: string): Answer {
  const sections = parse(text);
  const valuesOf = (name: string): string[] =>
    text
      .split(/\r\n|\n|\r/)
      .filter((line) => line.startsWith(`a=${name}:`))
      .map((line) => line.slice(name.length + 3).trim());
  const [password] = valuesOf('ice-pwd');
  if (password === undefined) {
    throw unusable('it has no a=ice-pwd');
  }
  return {
    sections,
    ice: {
      ufrag: sections.ufrag,
      password,
      isLite: /^a=ice-lite\s*$/m.test(text),
      candidates: [...new Set(valuesOf('candidate'))].slice(0, 64),
    },
    isPassive: sections.setup !== 'active',
  };
}

function parse(text: string): Offer {
  try {
    return parseOffer(text);
  } catch (cause) {
    rethrowUnexpected(cause);
    throw unusable(cause.message.replace('the offer', 'it').replace('offer', 'answer'));
  }
}

const unusable = (why: string): PerchError =>
  new PerchError('unavailable', `the server's answer is not usable: ${why}`);

const TICK_MS = 1_000;

export interface PeerOptions extends SignallingOptions {
  /** Time limit for the STUN and TURN servers that the server names. */
  readonly stunGatherTimeoutMs: number;
  /** Time limit from the answer to the end of the DTLS handshake. */
  readonly handshakeTimeoutMs: number;
}

interface PeerMedia {
  readonly sections: readonly OfferedSection[];
  readonly cname?: string;
  /** Called with the answer, whose sections are those of the offer. @throws PerchError if the server takes nothing of them */
  create(answer: Offer): SessionMedia;
}

/** A session that this box opens at a WHEP or WHIP server: signalling, ICE by werift, DTLS and SRTP as in the server. */
export class Peer implements SecureLink {
  readonly transport: Transport;
  inboundBytes = 0;
  readonly #options: PeerOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #signalling: Signalling;
  #ice: IceAgent | undefined;
  #dtls: DtlsPeer | undefined;
  #keys: SrtpKeys | undefined;
  #srtcp: Srtcp | undefined;
  #media: SessionMedia | undefined;
  #isStarted = false;
  #end: (cause: unknown) => void = () => {};

  constructor(options: PeerOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
    this.#signalling = new Signalling(options);
    this.transport = {
      protocol: 'udp',
      family: 'IPv4',
      address: '',
      port: 0,
      isCongested: false,
      send: (bytes, offset, length) => this.#ice?.send(bytes, offset, length),
      sendPackets: ({ bytes, lengths }, count) => {
        for (let i = 0; i < count; i += 1) {
          const length = lengths[i] as number;
          this.#ice?.send(bytes.slice(SLOT_BYTES * i, SLOT_BYTES * i + length), 0, length);
        }
      },
      admit: () => {},
      close: () => {},
    };
  }

  get keys(): SrtpKeys {
    return this.#keys as SrtpKeys;
  }

  sendRtcp(compound: Uint8Array): number {
    const datagram = this.#srtcp?.protect(compound);
    if (!datagram) {
      return 0;
    }
    this.transport.send(datagram, 0, datagram.length);
    return datagram.length;
  }

  close(reason: string): void {
    this.#end(new PerchError('unavailable', reason));
  }

  /** Returns when `signal` aborts. @throws PerchError with the reason of any other end */
  async run(media: PeerMedia, signal: AbortSignal): Promise<void> {
    const ended = new Promise<unknown>((resolve) => {
      this.#end = resolve;
    });
    const abort = () => this.#end(undefined);
    signal.addEventListener('abort', abort);
    let stop: (() => void) | undefined;
    try {
      signal.throwIfAborted();
      await this.#connect(media, ended, signal);
      stop = this.#clock.every(TICK_MS, () => this.#tick());
      const cause = await ended;
      if (!signal.aborted) {
        throw cause;
      }
    } catch (cause) {
      if (!signal.aborted) {
        throw cause;
      }
    } finally {
      signal.removeEventListener('abort', abort);
      stop?.();
      await this.#close();
    }
  }

  async #connect(media: PeerMedia, ended: Promise<unknown>, signal: AbortSignal): Promise<void> {
    const { stunGatherTimeoutMs, handshakeTimeoutMs } = this.#options;
    const identity = await loadDtls();
    const servers = await this.#signalling.iceServers(signal);
    this.#ice = await IceAgent.gather(servers, this.#signalling.host, stunGatherTimeoutMs, {
      onDatagram: (datagram) => this.#take(datagram),
      onEnd: (reason) => this.close(reason),
    });
    signal.throwIfAborted();
    const { ufrag, password, candidates } = this.#ice;
    const { cname = randomUUID(), sections } = media;
    const facts = { credentials: { ufrag, password }, fingerprint: identity.fingerprint, candidates, cname };
    const answer = parseAnswer(await this.#signalling.offer(writeOffer(sections, facts), signal));
    this.#media = media.create(answer.sections);
    const deadline = joinSignals([signal], handshakeTimeoutMs);
    const late = () =>
      this.#end(
        new PerchError('timeout', `no WebRTC connection within ${handshakeTimeoutMs / 1000} s${this.#dtlsError}`),
      );
    deadline.signal.addEventListener('abort', late);
    try {
      await endedOr(ended, this.#ice.connect(answer.ice));
      const connected = Promise.withResolvers<SrtpKeys>();
      const events: DtlsEvents = {
        send: (datagram) => this.#ice?.send(datagram, 0, datagram.length),
        onConnected: (keys) => connected.resolve(keys),
        onFailed: (reason) => this.#end(new PerchError('unavailable', explain(reason))),
        onClosed: () => this.close('the server has closed the session'),
      };
      const { fingerprints } = answer.sections;
      this.#dtls = answer.isPassive ? identity.connect(fingerprints, events) : identity.accept(fingerprints, events);
      this.#keys = await endedOr(ended, connected.promise);
      this.#srtcp = new Srtcp(this.#keys);
    } finally {
      deadline.signal.removeEventListener('abort', late);
      deadline.release();
    }
    this.#isStarted = true;
    this.#media.start(this);
    this.#log.info('WebRTC is connected');
  }

  get #dtlsError(): string {
    const { lastError } = this.#dtls ?? {};
    return lastError === undefined ? '' : `: ${lastError}`;
  }

  #take(datagram: Buffer): void {
    this.inboundBytes += datagram.length;
    // RFC 7983 §7, RFC 5761 §4.
    const first = datagram[0] ?? 0;
    const second = datagram[1] ?? 0;
    try {
      if (first >= 20 && first <= 63) {
        this.#dtls?.receive(datagram);
      } else if (!this.#isStarted || first >> 6 !== 2) {
        return;
      } else if (second >= 192 && second <= 223) {
        const compound = this.#srtcp?.unprotect(datagram);
        if (compound) {
          this.#media?.onRtcp(compound);
        }
      } else {
        this.#media?.onRtp(datagram);
      }
    } catch (cause) {
      this.#end(cause);
    }
  }

  #tick(): void {
    try {
      this.#media?.tick();
    } catch (cause) {
      this.#end(cause);
    }
  }

  async #close(): Promise<void> {
    this.#isStarted = false;
    this.#media?.close();
    this.#dtls?.close();
    await this.#signalling.end();
    await this.#ice?.close();
  }
}

/** Rejects if the session ends first. */
async function endedOr<T>(ended: Promise<unknown>, work: Promise<T>): Promise<T> {
  const fail = ended.then((cause) => {
    throw cause ?? new PerchError('unavailable', 'the session was ended');
  });
  fail.catch(() => {});
  work.catch(() => {});
  return Promise.race([work, fail]);
}
