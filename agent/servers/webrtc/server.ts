import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Sample } from '../../media/sample.ts';
import type { Reader, Stream } from '../../stream/stream.ts';
import { type AnswerFacts, writeAnswer, writeRestartFragment } from './answer.ts';
import { type CandidateOptions, gatherAddresses, writeCandidates } from './candidates.ts';
import { chooseCodecs } from './codecs.ts';
import { loadDtls } from './dtls.ts';
import { type Offer, parseOffer } from './offer.ts';
import { reorderedError, type Viewer, WebRtcSession } from './session.ts';
import { describeSession, type WebRtcSessionItem } from './session-item.ts';
import { UdpPort } from './udp-port.ts';

const TICK_MS = 1_000;
/** Each holds a few kilobytes before its handshake; more than this many at once are not viewers. */
const MAX_SESSIONS = 1_000;

/** Where streams come from. */
export interface StreamLookup {
  /**
   * The stream of a path, started if it has to be.
   * @param query of the viewer's address: it may say something about the source
   * Throws PerchError: notFound `no stream is available on path 'x'`, badInput `path 'x' is not configured`.
   */
  open(path: string, query: string): Promise<Stream>;
}

export interface WebRtcServerOptions extends CandidateOptions {
  /** Of the media port, such as `:8189`; empty: there is none and nobody can watch. */
  readonly udpAddress: string;
  /** From the answer to a finished handshake. */
  readonly handshakeTimeoutMs: number;
}

/** What a viewer gets for its offer. */
export interface Answered {
  readonly id: string;
  readonly secret: string;
  readonly answer: string;
}

/** All WebRTC viewers, behind one UDP port. */
export class WebRtcServer {
  readonly #options: WebRtcServerOptions;
  readonly #paths: StreamLookup;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #port = new UdpPort();
  /** In the order of their creation. */
  readonly #sessions = new Map<string, WebRtcSession>();
  readonly #bySecret = new Map<string, WebRtcSession>();
  readonly #addressesOf = new WeakMap<WebRtcSession, readonly string[]>();
  #stopTicking: (() => void) | undefined;
  #isListening = false;

  constructor(options: WebRtcServerOptions, paths: StreamLookup, clock: Clock, log: Logger) {
    this.#options = options;
    this.#paths = paths;
    this.#clock = clock;
    this.#log = log;
  }

  /** The UDP port in use; 0 when there is none. */
  get udpPort(): number {
    return this.#port.port;
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  async listen(): Promise<void> {
    if (this.#options.udpAddress === '') {
      return;
    }
    await this.#port.listen(this.#options.udpAddress);
    this.#isListening = true;
    this.#stopTicking = this.#clock.every(TICK_MS, () => {
      for (const session of this.#sessions.values()) {
        session.tick();
      }
    });
    this.#log.info({ port: this.udpPort }, 'WebRTC media port is open');
  }

  /** Somebody is about to watch: loads what a first viewer would otherwise wait for. */
  prepare(): void {
    loadDtls().catch((cause: unknown) => this.#log.error({ err: cause }, 'WebRTC cannot be set up'));
  }

  /** Answers an offer. Throws PerchError with the reason why the viewer cannot have this stream. */
  async read(viewer: Viewer, offerText: string): Promise<Answered> {
    this.#checkOpen();
    const offer = parseOffer(offerText);
    if (offer.setup === 'passive') {
      throw new PerchError('badInput', 'the offer says a=setup:passive, expected actpass or active');
    }
    if (this.#sessions.size >= MAX_SESSIONS) {
      throw new PerchError('exhausted', `maximum reader count reached: ${MAX_SESSIONS} WebRTC viewers`);
    }
    const [stream, dtls, addresses] = await Promise.all([
      this.#paths.open(viewer.path, viewer.query),
      loadDtls(),
      gatherAddresses(this.#options, this.#port.reachable, this.#clock, this.#log),
    ]);
    this.#checkOpen();
    const session = this.#openSession(viewer, offer, stream, {
      dtls,
      port: this.#port,
      clock: this.#clock,
      log: this.#log,
    });
    this.#addressesOf.set(session, addresses);
    const answer = writeAnswer(offer, session.choices, this.#factsOf(session, dtls.fingerprint, addresses));
    return { id: session.id, secret: session.secret, answer };
  }

  /**
   * What a viewer sends after its answer. Its candidates are not needed: we see where its checks come from.
   * @returns the fragment with new credentials when it wants to restart ICE, else undefined
   */
  restart(secret: string, remoteUfrag: string | undefined): string | undefined {
    const session = this.#bySecret.get(secret);
    if (!session) {
      throw new PerchError('notFound', 'session not found');
    }
    if (remoteUfrag === undefined || remoteUfrag === session.remoteUfrag) {
      return undefined;
    }
    const credentials = session.restartIce(remoteUfrag);
    const { video, audio } = session.choices;
    const mids = [video, audio].flatMap((choice) => (choice ? [choice.section.mid] : []));
    const candidates = writeCandidates(this.#addressesOf.get(session) ?? [], this.udpPort);
    return writeRestartFragment(mids, { credentials, candidates });
  }

  /** The viewer says goodbye over HTTP. */
  end(secret: string): boolean {
    const session = this.#bySecret.get(secret);
    session?.close('closed by the viewer');
    return session !== undefined;
  }

  list(): WebRtcSessionItem[] {
    return [...this.#sessions.values()].map((session) => this.#describe(session));
  }

  get(id: string): WebRtcSessionItem | undefined {
    const session = this.#sessions.get(id);
    return session && this.#describe(session);
  }

  kick(id: string): boolean {
    const session = this.#sessions.get(id);
    session?.close('ended through the API');
    return session !== undefined;
  }

  async close(): Promise<void> {
    this.#isListening = false;
    this.#stopTicking?.();
    for (const session of this.#sessions.values()) {
      session.close('the server is closing');
    }
    await this.#port.close();
  }

  #checkOpen(): void {
    if (!this.#isListening) {
      throw new PerchError('unavailable', 'WebRTC has no media port open (webrtcLocalUDPAddress)');
    }
  }

  #openSession(
    viewer: Viewer,
    offer: Offer,
    stream: Stream,
    ground: ConstructorParameters<typeof WebRtcSession>[1],
  ): WebRtcSession {
    const choices = chooseCodecs(stream.tracks, offer);
    if (choices.video && hasReordering(stream, choices.video.track)) {
      throw reorderedError();
    }
    if (choices.leftOut.length > 0) {
      this.#log.warn(
        { path: viewer.path, tracks: choices.leftOut },
        'WebRTC viewer gets the stream without some tracks',
      );
    }
    const onClosed = (closed: WebRtcSession): void => {
      this.#sessions.delete(closed.id);
      this.#bySecret.delete(closed.secret);
    };
    const { handshakeTimeoutMs } = this.#options;
    const session = new WebRtcSession({ viewer, stream, offer, choices, handshakeTimeoutMs, onClosed }, ground);
    this.#sessions.set(session.id, session);
    this.#bySecret.set(session.secret, session);
    session.start();
    if (session.state === 'closed') {
      throw new PerchError('notFound', `no stream is available on path '${viewer.path}'`);
    }
    return session;
  }

  #factsOf(session: WebRtcSession, fingerprint: string, addresses: readonly string[]): AnswerFacts {
    return {
      credentials: session.credentials,
      fingerprint,
      candidates: writeCandidates(addresses, this.udpPort),
      videoSsrc: session.video?.ssrc ?? 0,
      audioSsrc: session.audio?.ssrc ?? 0,
      cname: session.cname,
      sessionId: Math.floor(session.createdWallMs / 1000),
    };
  }

  #describe(session: WebRtcSession): WebRtcSessionItem {
    return describeSession(session, this.#addressesOf.get(session) ?? [], this.udpPort);
  }
}

/** Looks into the stream's last group: a viewer of a stream with B-frames is told at once, not after its first picture. */
function hasReordering(stream: Stream, videoTrack: number): boolean {
  let found = false;
  const probe: Reader = {
    type: 'hidden',
    id: 'b-frame-probe',
    countsHolds: true,
    onSample: (track: number, sample: Sample) => {
      found ||= track === videoTrack && sample.pts !== sample.dts;
    },
    onTrack: () => {},
    onEnd: () => {},
  };
  stream.addReader(probe, true);
  stream.removeReader(probe);
  return found;
}
