import { randomUUID } from 'node:crypto';
import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { endpointOf } from '../../../base/network/ip-address.ts';
import { MINUTE_MS } from '../../../base/time/units.ts';
import type { Config } from '../../../config/load/load.ts';
import { nativeStatus } from '../../../native/native.ts';
import type { OpusSound } from '../../../stream/contracts.ts';
import { type DtlsIdentity, loadDtls } from '../../../transports/webrtc/dtls/dtls.ts';
import type { SessionEnd, SessionMedia } from '../../../transports/webrtc/link/session-media.ts';
import type { MediaReceiverOptions } from '../../../transports/webrtc/receiving/media-receiver.ts';
import { chooseCodecs, transcodedSound } from '../../../transports/webrtc/sdp/codecs.ts';
import { chooseEcho, chooseInbound, type Inbound, remoteTrackOf } from '../../../transports/webrtc/sdp/inbound.ts';
import { type Offer, parseOffer, remoteSideOf } from '../../../transports/webrtc/sdp/offer.ts';
import { ViewerSession } from '../../../transports/webrtc/sending/viewer-session.ts';
import { nativeCipher } from '../../../transports/webrtc/srtp/srtp-sender.ts';
import { EchoSession } from '../publishing/echo-session.ts';
import { PublisherSession } from '../publishing/publisher-session.ts';
import { openTalk } from '../publishing/talk-session.ts';
import type { WebRtcPaths } from '../session/contracts.ts';
import { type Requester, type SessionContext, type SessionDescription, WebRtcSession } from '../session/session.ts';
import { WEBRTC_SESSION, type WebRtcSessionItem } from '../session/session-kind.ts';
import { AdditionalHosts } from '../transport/additional-hosts.ts';
import { gatherAddresses, type HostAddress, writeCandidates } from '../transport/candidates.ts';
import { MediaPorts } from '../transport/media-ports.ts';
import { prepareBursts } from '../transport/udp-socket.ts';
import { type AnswerSection, receivingSections, sendingSections, writeAnswer, writeRestartFragment } from './answer.ts';
import { describeSession, EndedSessions, type Ending } from './ended-sessions.ts';
import { SessionLimits, type SessionSlot } from './session-limits.ts';

export const OPTION_KEYS = [
  'webrtcLocalUDPAddress',
  'webrtcLocalTCPAddress',
  'webrtcAdditionalHosts',
  'webrtcIPsFromInterfaces',
  'webrtcIPsFromInterfacesList',
  'webrtcHandshakeTimeoutMs',
  'webrtcTrackGatherTimeoutMs',
  'dumpPackets',
] as const satisfies readonly (keyof Config)[];

/** Settings under the names of their keys. */
export type WebRtcServerOptions = Pick<Config, (typeof OPTION_KEYS)[number]>;

export interface AnsweredOffer {
  readonly id: string;
  readonly secret: string;
  readonly answer: string;
  /** The stream's tracks that are not sent, with reasons. */
  readonly leftOut: readonly string[];
}

interface PreparedMedia {
  readonly media: SessionMedia;
  readonly leftOut: readonly string[];
  /** Accepted sections of the offer. */
  readonly sections: readonly AnswerSection[];
  readonly cname: string;
}

export class WebRtcServer {
  readonly #options: WebRtcServerOptions;
  readonly #paths: WebRtcPaths;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #loadDtls: () => Promise<DtlsIdentity>;
  readonly #sound: OpusSound | undefined;
  readonly #ports: MediaPorts;
  readonly #additionalHosts: AdditionalHosts;
  readonly #limits = new SessionLimits();
  readonly #sessions = new Map<string, WebRtcSession>();
  readonly #bySecret = new Map<string, WebRtcSession>();
  readonly #ended: EndedSessions;
  readonly #failureLog: LogThrottle;
  /** Addresses of peers that were connected. */
  readonly #reached: LogThrottle;
  #stopTicking: (() => void) | undefined;
  #isListening = false;
  #native: Promise<void> | undefined;

  /**
   * @param sound transcodes audio that browsers do not support, or undefined if such audio is not sent
   * @param load loads the DTLS certificate and SRTP profiles
   */
  constructor(
    options: WebRtcServerOptions,
    paths: WebRtcPaths,
    clock: Clock,
    log: Logger,
    sound?: OpusSound,
    load: () => Promise<DtlsIdentity> = loadDtls,
  ) {
    this.#sound = sound;
    this.#loadDtls = load;
    this.#options = options;
    this.#paths = paths;
    this.#clock = clock;
    this.#log = log;
    this.#ports = new MediaPorts(clock, log);
    this.#ended = new EndedSessions(clock);
    this.#failureLog = new LogThrottle(clock);
    this.#reached = new LogThrottle(clock);
    this.#additionalHosts = new AdditionalHosts(clock, log);
  }

  /** UDP port of media; 0: closed. */
  get udpPort(): number {
    return this.#ports.local.udp.port;
  }

  /** TCP port of media; 0: closed. */
  get tcpPort(): number {
    return this.#ports.local.tcp.port;
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  /** @throws PerchError if no configured port can be opened */
  async listen(): Promise<void> {
    this.#isListening = await this.#ports.listen(
      this.#options.webrtcLocalUDPAddress,
      this.#options.webrtcLocalTCPAddress,
    );
    if (!this.#isListening) {
      this.#log.warn(
        'WebRTC has no media port: webrtcLocalUDPAddress and webrtcLocalTCPAddress are empty, nothing can be read or published',
      );
      return;
    }
    this.#stopTicking = this.#clock.eachSecond(() => {
      this.#ports.tick();
      this.#ended.tick();
      for (const session of this.#sessions.values()) {
        session.tick();
      }
    });
    const { udp, tcp } = this.#ports.local;
    const open = { ...(udp.port > 0 ? { udp: udp.port } : {}), ...(tcp.port > 0 ? { tcp: tcp.port } : {}) };
    this.#log.info(open, 'WebRTC media ports are open');
  }

  /** @throws PerchError while a configured port is in use */
  async retryFailedPorts(): Promise<void> {
    await this.#ports.retryFailedPorts();
  }

  /** Loads DTLS and opens the native functions before the first viewer needs them. */
  prepare(): void {
    this.#loadDtls().catch((cause: unknown) => this.#log.error({ err: cause }, 'WebRTC cannot be set up'));
    this.#native ??= this.#openNative();
  }

  async #openNative(): Promise<void> {
    nativeCipher();
    await prepareBursts();
    const { bursts, gcm } = nativeStatus();
    const use = { udpBursts: bursts.reason ?? bursts.isUsed, aesGcm: gcm.reason ?? gcm.isUsed };
    this.#log.info(use, 'WebRTC native functions opened');
  }

  /** Answers a viewer's offer. @throws PerchError with the reason why it cannot receive the stream */
  read(viewer: Requester, offerText: string): Promise<AnsweredOffer> {
    return this.#answer(viewer, offerText, async (id, offer, log) => {
      const { path, query, fallback } = viewer;
      const stream = await this.#paths.open(path, query);
      const choices = chooseCodecs(stream.tracks, offer, this.#sound);
      const openFallback = fallback ? () => this.#paths.open(fallback, '') : undefined;
      const sound = this.#sound && transcodedSound(this.#sound, stream, choices);
      const options = { kind: WEBRTC_SESSION, query, watcher: viewer, openFallback, sound, log };
      const media = new ViewerSession(id, stream, choices, this.#clock, options);
      const sections = sendingSections(choices, media.video, media.audio);
      return { media, leftOut: choices.leftOut, sections, cname: media.cname };
    });
  }

  /** Answers a publisher's offer. The path is taken once the peer is connected. */
  publish(publisher: Requester, offerText: string): Promise<AnsweredOffer> {
    return this.#answer(publisher, offerText, async (id, offer, log) => {
      this.#paths.mayPublish(publisher.path, 'now');
      const inbound = chooseInbound(offer);
      const media = new PublisherSession(
        id,
        this.#receiverOptionsOf(publisher, inbound),
        this.#paths,
        this.#clock,
        log,
      );
      return { media, leftOut: [], sections: receivingSections(inbound), cname: id };
    });
  }

  /** Answers a talker's offer. The loudspeaker of the path's camera is taken at once. */
  talk(speaker: Requester, offerText: string): Promise<AnsweredOffer> {
    return this.#answer(speaker, offerText, async (id, offer) => {
      const { session, inbound } = await openTalk(this.#paths, speaker.path, offer, this.#clock);
      return { media: session, leftOut: [], sections: receivingSections([inbound]), cname: id };
    });
  }

  /** Answers an offer whose media is sent back. */
  echo(peer: Requester, offerText: string): Promise<AnsweredOffer> {
    return this.#answer(peer, offerText, async (id, offer, log) => {
      const inbound = chooseEcho(offer);
      const media = new EchoSession(id, this.#receiverOptionsOf(peer, inbound), this.#clock, log);
      const sections = receivingSections(inbound, media);
      return { media, leftOut: [], sections, cname: media.cname };
    });
  }

  /** Whether the path's video is known to have B-frames, so that viewers would be rejected. */
  hasBFrames(path: string): boolean {
    return this.#paths.hasBFrames(path) === true;
  }

  /** @throws PerchError with the reason if the path's camera does not accept audio */
  mayTalk(path: string): Promise<unknown> {
    return this.#paths.mayTalk(path);
  }

  /**
   * Handles a PATCH. Candidates are ignored: the source addresses of checks are sufficient.
   * @returns a fragment with new credentials for an ICE restart, else undefined
   */
  restart(secret: string, remoteUfrag: string | undefined): string | undefined {
    const session = this.#bySecret.get(secret);
    if (!session) {
      throw new PerchError('notFound', 'session not found');
    }
    if (!remoteUfrag || remoteUfrag === session.remoteUfrag || session.offer.ufrags.includes(remoteUfrag)) {
      return undefined;
    }
    const credentials = session.restartIce(remoteUfrag);
    const candidates = writeCandidates(session.addresses, this.#ports.local);
    return writeRestartFragment(session.offer.mids, { credentials, candidates });
  }

  /** Why the session ended; known for a minute. */
  endingOf(secret: string): Ending | undefined {
    return this.#ended.find(secret);
  }

  idOf(secret: string): string | undefined {
    return this.#bySecret.get(secret)?.id;
  }

  /** The peer's DELETE. */
  end(secret: string): boolean {
    const session = this.#bySecret.get(secret);
    session?.close(`closed by the ${session.role}`, 'byPeer');
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

  async close(reason = 'the server is closing'): Promise<void> {
    this.#isListening = false;
    this.#stopTicking?.();
    for (const session of this.#sessions.values()) {
      session.close(reason);
    }
    await this.#ports.close();
  }

  #receiverOptionsOf({ path, query }: Requester, inbound: readonly Inbound[]): MediaReceiverOptions {
    const { webrtcTrackGatherTimeoutMs: gatherTimeoutMs } = this.#options;
    return { inbound: inbound.map(remoteTrackOf), path, query, gatherTimeoutMs };
  }

  #checkOpen(): void {
    if (!this.#isListening) {
      throw withoutPort();
    }
  }

  /** @param prepare creates the media; it may wait for a source. A later failure closes the media */
  async #answer(
    requester: Requester,
    offerText: string,
    prepare: (id: string, offer: Offer, log: Logger) => Promise<PreparedMedia>,
  ): Promise<AnsweredOffer> {
    this.#checkOpen();
    // `prepare` opens them for pages. A client without a page comes here first.
    this.#native ??= this.#openNative();
    const slot = this.#limits.take(requester);
    let prepared: PreparedMedia | undefined;
    let session: WebRtcSession | undefined;
    try {
      const offer = parseOffer(offerText);
      const context = this.#prepareContext();
      const id = requester.id ?? randomUUID();
      const log = this.#log.child({ session: id, path: requester.path });
      prepared = await prepare(id, offer, log);
      const { dtls, addresses } = await context;
      this.#checkOpen();
      const { media, leftOut, sections, cname } = prepared;
      const facts = { id, requester, offer: remoteSideOf(offer), media, addresses };
      const confirm = (): void => {
        slot.confirm();
        if (leftOut.length > 0) {
          log.info({ tracks: leftOut }, 'WebRTC viewer receives the stream without some tracks');
        }
      };
      session = this.#openSession(facts, { dtls, log }, { confirm, release: slot.release });
      const answer = writeAnswer(offer, sections, {
        credentials: session.credentials,
        fingerprint: dtls.fingerprint,
        candidates: writeCandidates(addresses, this.#ports.local),
        cname,
        sessionId: Math.floor(session.createdWallMs / 1000),
      });
      return { id, secret: session.secret, answer, leftOut };
    } catch (cause) {
      if (session) {
        session.close(explain(cause));
      } else {
        prepared?.media.close();
        slot.release();
        this.#logRejection(requester, cause);
      }
      throw cause;
    }
  }

  /** Logs only errors that a retry does not solve, because a setting has to change. */
  #logRejection({ path, remoteAddr }: Requester, cause: unknown): void {
    if (cause instanceof PerchError && cause.code === 'badInput') {
      const facts = { path, address: endpointOf(remoteAddr).ip, reason: explain(cause) };
      const level = this.#failureLog.isDue(JSON.stringify(facts)) ? 'info' : 'debug';
      this.#log[level](facts, 'WebRTC offer rejected');
    }
  }

  #prepareContext(): Promise<{ dtls: DtlsIdentity; addresses: readonly HostAddress[] }> {
    const gathering = this.#ports.refresh().then(() => gatherAddresses(this.#options, this.#additionalHosts));
    const context = Promise.all([this.#loadDtls(), gathering]).then(([dtls, addresses]) => ({ dtls, addresses }));
    // The caller may fail before it awaits the context, whose rejection would then be unhandled.
    context.catch(() => {});
    return context;
  }

  #openSession(
    facts: SessionDescription,
    own: Pick<SessionContext, 'dtls' | 'log'>,
    { confirm, release }: SessionSlot,
  ): WebRtcSession {
    let hasConnected = false;
    const onConnected = (): void => {
      hasConnected = true;
      confirm();
    };
    const onClosed = (closed: WebRtcSession, reason: string, end: SessionEnd): void => {
      if (hasConnected) {
        this.#reached.note(endpointOf(closed.requester.remoteAddr).ip);
      }
      this.#ended.remember(closed.secret, reason, end);
      this.#sessions.delete(closed.id);
      this.#bySecret.delete(closed.secret);
      release();
    };
    const { webrtcHandshakeTimeoutMs: handshakeTimeoutMs } = this.#options;
    const shouldWarn = (address: string): boolean => !this.#reaches(address) && this.#failureLog.isDue(address);
    const shared = { ufrags: this.#ports.ufrags, clock: this.#clock, shouldWarn };
    const context = { ...own, ...shared, ports: this.#ports.description };
    const session = new WebRtcSession({ ...facts, handshakeTimeoutMs, onConnected, onClosed }, context);
    this.#sessions.set(session.id, session);
    this.#bySecret.set(session.secret, session);
    return session;
  }

  /** Whether peers at this address have connected. Then one that does not connect has probably closed its page. */
  #reaches(address: string): boolean {
    const isThere = (session: WebRtcSession): boolean =>
      session.state === 'connected' && endpointOf(session.requester.remoteAddr).ip === address;
    return this.#reached.has(address) || [...this.#sessions.values()].some(isThere);
  }

  #describe(session: WebRtcSession): WebRtcSessionItem {
    return describeSession(session, this.#ports.local);
  }
}

export function withoutPort(): PerchError {
  const message = 'WebRTC has no media port open (webrtcLocalUDPAddress, webrtcLocalTCPAddress)';
  return new PerchError('unavailable', message, { isWithoutPort: true });
}

/** Limits repeated log messages to one per minute and key. */
export class LogThrottle {
  readonly #clock: Clock;
  /** Monotonic time at which each key was last noted, oldest first. */
  readonly #dueMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether to log: the key was not noted within the last minute. If so, notes it. Above the limit the oldest key is dropped. */
  isDue(key: string): boolean {
    const isFirst = !this.has(key);
    if (isFirst) {
      this.note(key);
    }
    return isFirst;
  }

  has(key: string): boolean {
    const lastMs = this.#dueMs.get(key);
    return lastMs !== undefined && this.#clock.monoMs() - lastMs < MINUTE_MS;
  }

  note(key: string): void {
    putBounded(this.#dueMs, key, this.#clock.monoMs(), 500);
  }
}
