import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { endpointOf } from '../../../base/ip-address.ts';
import type { Logger } from '../../../base/log.ts';
import type { OpusSound } from '../../../stream/audio-forms.ts';
import { type DtlsIdentity, loadDtls } from '../dtls/dtls.ts';
import { Echo } from '../publishing/echo.ts';
import type { IntakeOptions } from '../publishing/intake.ts';
import { Publishing } from '../publishing/publishing.ts';
import { openTalk } from '../publishing/talking.ts';
import { type AnswerSection, writeAnswer, writeRestartFragment } from '../sdp/answer.ts';
import { chooseCodecs } from '../sdp/codecs.ts';
import { chooseEcho, chooseInbound, type Inbound, remoteTrackOf } from '../sdp/inbound.ts';
import { type Offer, parseOffer, remoteSideOf } from '../sdp/offer.ts';
import { echoSections, receivingSections, sendingSections } from '../sdp/sections.ts';
import type { WebRtcPaths } from '../session/contracts.ts';
import { type Requester, type SessionFacts, type SessionGround, WebRtcSession } from '../session/session.ts';
import type { SessionEnd, SessionMedia } from '../session/session-media.ts';
import { AddedHosts } from '../transport/added-hosts.ts';
import { type CandidateOptions, gatherAddresses, type HostAddress, writeCandidates } from '../transport/candidates.ts';
import { MediaPorts } from '../transport/media-ports.ts';
import { PacketSlots } from '../transport/packet-slots.ts';
import { Viewing } from '../viewing/viewing.ts';
import { EndedSessions, type Ending } from './ended-sessions.ts';
import { OnceAMinute } from './log-throttle.ts';
import { describeSession, type WebRtcSessionItem } from './session-item.ts';
import { type Seat, SessionLimits } from './session-limits.ts';

const TRACK_GATHER_TIMEOUT_MS = 2_000;

export interface WebRtcServerOptions extends CandidateOptions {
  /** Of media over UDP, such as `:8189`; empty: there is none. */
  readonly udpAddress: string;
  /** Of media over TCP, likewise; without either nobody can watch. */
  readonly tcpAddress?: string;
  /** From the answer to a finished handshake. */
  readonly handshakeTimeoutMs: number;
  /** A publisher's tracks that have not come within this time are done without. */
  readonly trackGatherTimeoutMs?: number;
}

/** What a viewer gets for its offer. */
export interface Answered {
  readonly id: string;
  readonly secret: string;
  readonly answer: string;
  /** Tracks of the stream that the offer cannot take, in words. */
  readonly leftOut: readonly string[];
}

/** What one kind of session brings. */
interface Prepared {
  readonly media: SessionMedia;
  readonly leftOut: readonly string[];
  /** What of the offer is taken up. */
  readonly sections: readonly AnswerSection[];
  /** Of what we send. */
  readonly cname: string;
}

/** All WebRTC sessions, behind one UDP and one TCP port. */
export class WebRtcServer {
  readonly #options: WebRtcServerOptions;
  readonly #paths: WebRtcPaths;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #sound: OpusSound | undefined;
  readonly #ports: MediaPorts;
  readonly #addedHosts: AddedHosts;
  readonly #slots = new PacketSlots();
  readonly #limits = new SessionLimits();
  /** In the order of their creation. */
  readonly #sessions = new Map<string, WebRtcSession>();
  readonly #bySecret = new Map<string, WebRtcSession>();
  readonly #ended: EndedSessions;
  readonly #told: OnceAMinute;
  /** Addresses of peers that were connected. */
  readonly #reached: OnceAMinute;
  #stopTicking: (() => void) | undefined;
  #isListening = false;

  /** @param sound makes Opus of what browsers do not take; undefined: they do without it */
  constructor(options: WebRtcServerOptions, paths: WebRtcPaths, clock: Clock, log: Logger, sound?: OpusSound) {
    this.#sound = sound;
    this.#options = options;
    this.#paths = paths;
    this.#clock = clock;
    this.#log = log;
    this.#ports = new MediaPorts(clock, log);
    this.#ended = new EndedSessions(clock);
    this.#told = new OnceAMinute(clock);
    this.#reached = new OnceAMinute(clock);
    this.#addedHosts = new AddedHosts(clock, log);
  }

  /** The UDP port in use; 0 when there is none. */
  get udpPort(): number {
    return this.#ports.local.udp.port;
  }

  /** The TCP port in use; 0 when there is none. */
  get tcpPort(): number {
    return this.#ports.local.tcp.port;
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  /** @throws PerchError when no port can be opened, although one is wanted */
  async listen(): Promise<void> {
    this.#isListening = await this.#ports.listen(this.#options.udpAddress, this.#options.tcpAddress ?? '');
    if (!this.#isListening) {
      this.#log.warn(
        'WebRTC has no media port: webrtcLocalUDPAddress and webrtcLocalTCPAddress are empty, so that nobody can watch or publish',
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

  /** One of two ports may have been taken. @throws PerchError as long as it is */
  async listenToRest(): Promise<void> {
    await this.#ports.listenToRest();
  }

  /** Somebody is about to watch: loads what a first viewer would otherwise wait for. */
  prepare(): void {
    loadDtls().catch((cause: unknown) => this.#log.error({ err: cause }, 'WebRTC cannot be set up'));
  }

  /** Answers an offer to watch. Throws PerchError with the reason why the viewer cannot have this stream. */
  read(viewer: Requester, offerText: string): Promise<Answered> {
    return this.#answer(viewer, offerText, async (id, offer, log) => {
      const { path, query, fallback } = viewer;
      const stream = await this.#paths.open(path, query);
      const choices = chooseCodecs(stream.tracks, offer, this.#sound);
      const openFallback = fallback ? () => this.#paths.open(fallback, '') : undefined;
      const sound = choices.audio?.isTurned ? this.#sound?.of(stream, choices.audio.track) : undefined;
      const media = new Viewing(id, stream, choices, this.#clock, { query, openFallback, sound, log });
      const sections = sendingSections(choices, media.video, media.audio);
      return { media, leftOut: choices.leftOut, sections, cname: media.cname };
    });
  }

  /** Answers an offer to publish. The path is taken when the peer is connected, not before. */
  publish(publisher: Requester, offerText: string): Promise<Answered> {
    return this.#answer(publisher, offerText, async (id, offer, log) => {
      this.#paths.mayPublish(publisher.path, 'now');
      const inbound = chooseInbound(offer);
      const media = new Publishing(id, this.#intakeOf(publisher, inbound), this.#paths, this.#clock, log);
      return { media, leftOut: [], sections: receivingSections(inbound), cname: id };
    });
  }

  /** Answers an offer to talk through the path's camera, whose loudspeaker is taken at once. */
  talk(speaker: Requester, offerText: string): Promise<Answered> {
    return this.#answer(speaker, offerText, async (id, offer) => {
      const { talking, inbound } = await openTalk(this.#paths, speaker.path, offer, this.#clock);
      return { media: talking, leftOut: [], sections: receivingSections([inbound]), cname: id };
    });
  }

  /** Answers an offer of somebody who wants to see himself. */
  echo(peer: Requester, offerText: string): Promise<Answered> {
    return this.#answer(peer, offerText, async (id, offer, log) => {
      const inbound = chooseEcho(offer);
      const media = new Echo(id, this.#intakeOf(peer, inbound), this.#clock, log);
      const sections = echoSections(inbound, media.video, media.audio);
      return { media, leftOut: [], sections, cname: media.cname };
    });
  }

  /** It is known that a viewer of this path would be rejected: its pictures come out of their order. */
  hasBFrames(path: string): boolean {
    return this.#paths.hasBFrames(path) === true;
  }

  /** @throws PerchError with the reason why nobody can talk through the camera of this path */
  mayTalk(path: string): Promise<void> {
    return this.#paths.mayTalk(path);
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
    if (!remoteUfrag || remoteUfrag === session.remoteUfrag || session.offer.ufrags.includes(remoteUfrag)) {
      return undefined;
    }
    const credentials = session.restartIce(remoteUfrag);
    const candidates = writeCandidates(session.addresses, this.#ports.local);
    return writeRestartFragment(session.offer.mids, { credentials, candidates });
  }

  /** Why the server has ended the session of this secret, for a minute. */
  endingOf(secret: string): Ending | undefined {
    return this.#ended.find(secret);
  }

  /** Whose secret this is. */
  idOf(secret: string): string | undefined {
    return this.#bySecret.get(secret)?.id;
  }

  /** The peer says goodbye over HTTP. */
  end(secret: string): boolean {
    const session = this.#bySecret.get(secret);
    session?.close(`closed by the ${session.who}`, 'byPeer');
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

  /** @param reason for those who are connected */
  async close(reason = 'the server is closing'): Promise<void> {
    this.#isListening = false;
    this.#stopTicking?.();
    for (const session of this.#sessions.values()) {
      session.close(reason);
    }
    await this.#ports.close();
  }

  #intakeOf({ path, query }: Requester, inbound: readonly Inbound[]): IntakeOptions {
    const gatherTimeoutMs = this.#options.trackGatherTimeoutMs ?? TRACK_GATHER_TIMEOUT_MS;
    return { inbound: inbound.map(remoteTrackOf), path, query, gatherTimeoutMs };
  }

  #checkOpen(): void {
    if (!this.#isListening) {
      throw withoutPort();
    }
  }

  /**
   * What all kinds of sessions have in common.
   * @param prepare makes what flows; it may wait for a source. Whatever fails later closes it again
   */
  async #answer(
    requester: Requester,
    offerText: string,
    prepare: (id: string, offer: Offer, log: Logger) => Promise<Prepared>,
  ): Promise<Answered> {
    this.#checkOpen();
    const seat = this.#limits.take(requester);
    let prepared: Prepared | undefined;
    let session: WebRtcSession | undefined;
    try {
      const offer = parseOffer(offerText);
      const ground = this.#prepareGround();
      const id = requester.id ?? randomUUID();
      const log = this.#log.child({ session: id, path: requester.path });
      prepared = await prepare(id, offer, log);
      const { dtls, addresses } = await ground;
      this.#checkOpen();
      const { media, leftOut, sections, cname } = prepared;
      const facts = { id, requester, offer: remoteSideOf(offer), media, addresses };
      const settle = (): void => {
        seat.settle();
        if (leftOut.length > 0) {
          log.info({ tracks: leftOut }, 'WebRTC viewer gets the stream without some tracks');
        }
      };
      session = this.#openSession(facts, { dtls, log }, { settle, leave: seat.leave });
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
        seat.leave();
        this.#tellRefusal(requester, cause);
      }
      throw cause;
    }
  }

  /** What does not get better by waiting: whoever looks after the cameras can do something about it. */
  #tellRefusal({ path, remoteAddr }: Requester, cause: unknown): void {
    if (cause instanceof PerchError && cause.code === 'badInput') {
      const facts = { path, address: endpointOf(remoteAddr).ip, reason: explain(cause) };
      const level = this.#told.isDue(JSON.stringify(facts)) ? 'info' : 'debug';
      this.#log[level](facts, 'WebRTC offer is refused');
    }
  }

  #prepareGround(): Promise<{ dtls: DtlsIdentity; addresses: readonly HostAddress[] }> {
    const gathering = this.#ports.refresh().then(() => gatherAddresses(this.#options, this.#addedHosts));
    const ground = Promise.all([loadDtls(), gathering]).then(([dtls, addresses]) => ({ dtls, addresses }));
    // Whoever waits for it may have failed for another reason before.
    ground.catch(() => {});
    return ground;
  }

  #openSession(facts: SessionFacts, own: Pick<SessionGround, 'dtls' | 'log'>, { settle, leave }: Seat): WebRtcSession {
    let hasConnected = false;
    const onConnected = (): void => {
      hasConnected = true;
      settle();
    };
    const onClosed = (closed: WebRtcSession, reason: string, end: SessionEnd): void => {
      if (hasConnected) {
        this.#reached.note(endpointOf(closed.requester.remoteAddr).ip);
      }
      this.#ended.remember(closed.secret, reason, end);
      this.#sessions.delete(closed.id);
      this.#bySecret.delete(closed.secret);
      leave();
    };
    const { handshakeTimeoutMs } = this.#options;
    const isNews = (address: string): boolean => !this.#reaches(address) && this.#told.isDue(address);
    const shared = { book: this.#ports.book, slots: this.#slots, clock: this.#clock, isNews };
    const ground = { ...own, ...shared, ports: this.#ports.inWords };
    const session = new WebRtcSession({ ...facts, handshakeTimeoutMs, onConnected, onClosed }, ground);
    this.#sessions.set(session.id, session);
    this.#bySecret.set(session.secret, session);
    return session;
  }

  /** Somebody is connected from there, or was a moment ago: who does not come has closed his page meanwhile. */
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
