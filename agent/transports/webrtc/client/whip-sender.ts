import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { PerchError, unlessExpected } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { codecOf } from '../../../media/codecs.ts';
import type { OpusSound } from '../../../stream/contracts.ts';
import type { PeerKind, Stream } from '../../../stream/stream.ts';
import type { SessionMedia } from '../link/session-media.ts';
import { type Choices, chooseCodecs, sendableTracks, transcodedSound } from '../sdp/codecs.ts';
import type { Offer } from '../sdp/offer.ts';
import { randomSsrc } from '../sending/outbound.ts';
import { ViewerSession } from '../sending/viewer-session.ts';
import { Peer, type PeerOptions } from './peer.ts';
import type { OfferedSection } from './write-offer.ts';

interface WhipOptions extends PeerOptions {
  /** Kind of reader in the API's lists; absent: not listed, and it keeps no source on demand running. */
  readonly kind?: PeerKind;
  readonly onConnected?: () => void;
}

/**
 * Sends a stream to a WHIP server (RFC 9725): the tracks that WebRTC carries, AAC-LC and LPCM as Opus. Lost packets are
 * sent again, and a server that requests a key frame gets one as a viewer does.
 *
 *     const sender = new WhipSender({ url: 'whips://host/path/whip', bearerToken: '', server, fingerprint: '', timeoutMs: 10_000,
 *       stunGatherTimeoutMs: 5_000, handshakeTimeoutMs: 10_000 }, stream, sound, clock, log);
 *     await sender.run(signal);
 *
 * Each instance runs once. `run` returns when `signal` aborts, and rejects with the reason of any other end: the server refuses the
 * offer, closes the session or does not answer, or the stream ends. `isConnected` and `outboundBytes` are valid at any time.
 */
export class WhipSender {
  isConnected = false;
  /** Tracks that the server does not get, in words. */
  leftOut: readonly string[] = [];
  readonly #peer: Peer;
  readonly #stream: Stream;
  readonly #sound: OpusSound;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #kind: PeerKind | undefined;
  readonly #onConnected: (() => void) | undefined;
  readonly #cname = randomUUID();
  #session: ViewerSession | undefined;

  constructor(
    { kind, onConnected, ...options }: WhipOptions,
    stream: Stream,
    sound: OpusSound,
    clock: Clock,
    log: Logger,
  ) {
    this.#peer = new Peer(options, clock, log);
    this.#stream = stream;
    this.#sound = sound;
    this.#clock = clock;
    this.#log = log;
    this.#kind = kind;
    this.#onConnected = onConnected;
  }

  get outboundBytes(): number {
    return this.#session?.statistics.outboundBytes ?? 0;
  }

  async run(signal: AbortSignal): Promise<void> {
    const sections = this.#sections();
    try {
      await this.#peer.run({ sections, cname: this.#cname, create: (answer) => this.#send(answer, sections) }, signal);
    } finally {
      this.isConnected = false;
    }
  }

  /** @throws PerchError if the stream has no track for WebRTC */
  #sections(): readonly OfferedSection[] {
    const { video, audio } = sendableTracks(this.#stream.tracks, this.#sound);
    const sections: OfferedSection[] = [];
    if (video) {
      const encoding = codecOf(video).webrtc?.encoding(video) ?? '';
      const outbound = { ssrc: randomSsrc(), rtxSsrc: randomSsrc() };
      sections.push({ kind: 'video', direction: 'sendonly', encoding, outbound });
    }
    if (audio) {
      // What WebRTC does not carry is transcoded.
      const encoding = codecOf(audio).webrtc?.encoding(audio) ?? 'OPUS';
      sections.push({ kind: 'audio', direction: 'sendonly', encoding, outbound: { ssrc: randomSsrc() } });
    }
    if (sections.length === 0) {
      const codecs = this.#stream.tracks.map((track) => codecOf(track).label).join(', ') || 'no tracks';
      throw new PerchError('unsupported', `the stream has nothing that WebRTC carries: it has ${codecs}`);
    }
    return sections;
  }

  /** @throws PerchError with what the server was offered */
  #choose(answer: Offer, sections: readonly OfferedSection[]): Choices {
    const choices = unlessExpected(() => chooseCodecs(this.#stream.tracks, answer, this.#sound));
    if (!choices) {
      const offered = sections.map(({ encoding }) => encoding).join(' and ');
      throw new PerchError('unsupported', `the server does not take the stream as it was offered, with ${offered}`);
    }
    return choices;
  }

  #send(answer: Offer, sections: readonly OfferedSection[]): SessionMedia {
    const stream = this.#stream;
    const choices = this.#choose(answer, sections);
    this.leftOut = choices.leftOut;
    const outboundOf = (wanted: string) => sections.find(({ kind }) => kind === wanted)?.outbound;
    const session = new ViewerSession(randomUUID(), stream, choices, this.#clock, {
      ...(this.#kind && { kind: this.#kind }),
      sources: { cname: this.#cname, video: outboundOf('video'), audio: outboundOf('audio') },
      sound: transcodedSound(this.#sound, stream, choices),
      log: this.#log,
    });
    this.#session = session;
    return {
      state: 'read',
      get statistics() {
        return session.statistics;
      },
      start: (link) => {
        session.start(link);
        this.isConnected = true;
        this.#onConnected?.();
      },
      onRtp: () => {},
      onRtcp: (compound) => session.onRtcp(compound),
      tick: () => session.tick(),
      close: () => session.close(),
    };
  }
}
