import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { NewcomerMemory } from '../../../base/newcomer-memory.ts';
import { bodyText, type HeaderField, type RtspRequest } from '../../../media/rtsp/message.ts';
import { parseSdp, type SdpMedia } from '../../../media/sdp/parse.ts';
import { writeSdp } from '../../../media/sdp/write.ts';
import type { MediaPlane, TransportKind } from '../transport/media-plane.ts';
import { Authentication, type AuthMethod } from './authentication.ts';
import { chooseTransport } from './choose-transport.ts';
import type { RtspAccess, RtspPaths } from './contracts.ts';
import { type MakeDelivery, Reading } from './play-session.ts';
import { type MakeIntake, Publishing } from './record-session.ts';
import type { Answer } from './response.ts';
import { type RtspSession, type SessionLink, TOLD_TIMEOUT_S } from './session.ts';
import type { SessionTable } from './session-table.ts';
import { absoluteUrl, parseTarget, parseTrackTarget, type RtspTarget, withoutCredentials } from './target.ts';

const METHODS = 'DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD, PAUSE, GET_PARAMETER, TEARDOWN';
/** A stream of more tracks is nothing that anybody plays. */
const MAX_MEDIAS = 16;

/** What all connections of one side of the server share. */
export interface Room {
  readonly type: 'rtspSession' | 'rtspsSession';
  readonly transports: readonly TransportKind[];
  readonly authMethods: readonly AuthMethod[];
  readonly readTimeoutMs: number;
  readonly paths: RtspPaths;
  readonly access: RtspAccess;
  readonly sessions: SessionTable;
  readonly media: Pick<MediaPlane, 'multicastPlace'>;
  readonly makeDelivery: MakeDelivery;
  readonly makeIntake: MakeIntake;
  readonly clock: Clock;
  /** For what clients hold before they have a session. */
  readonly newcomers?: NewcomerMemory | undefined;
}

/** The requests of one connection, RFC 2326 §10. */
export class Dialogue {
  readonly #link: SessionLink;
  readonly #room: Room;
  readonly #authentication: Authentication;
  #session: RtspSession | undefined;

  constructor(link: SessionLink, room: Room) {
    this.#link = link;
    this.#room = room;
    this.#authentication = new Authentication(room.authMethods, room.access, link, room.clock);
  }

  /** The session that the connection's frames belong to. */
  get session(): RtspSession | undefined {
    return this.#session?.isClosed ? undefined : this.#session;
  }

  /** @throws PerchError for what is answered with an error status */
  async answer(request: RtspRequest): Promise<Answer> {
    const key = request.headers.get('Session')?.split(';')[0]?.trim();
    if (key) {
      const session = this.#room.sessions.ofKey(key, this.#link.ip);
      if (!session) {
        return { status: 454 };
      }
      if (this.session && this.session !== session) {
        throw new PerchError('badInput', 'the connection belongs to another session');
      }
      this.#session = session;
    }
    const session = this.session;
    session?.touch(this.#link);
    const answer = await this.#answerWithin(session, request);
    const known = this.session;
    const headers: HeaderField[] = known ? [['Session', `${known.key};timeout=${TOLD_TIMEOUT_S}`]] : [];
    return { ...answer, headers: [...headers, ...(answer.headers ?? [])] };
  }

  #answerWithin(session: RtspSession | undefined, request: RtspRequest): Answer | Promise<Answer> {
    switch (request.method) {
      case 'OPTIONS':
        return { status: 200, headers: [['Public', METHODS]] };
      case 'GET_PARAMETER':
        return { status: 200 };
      case 'SET_PARAMETER':
        // Empty ones only keep the session alive; there are no parameters to set.
        return { status: request.body.length === 0 ? 200 : 451 };
      case 'DESCRIBE':
        return this.#describe(request);
      case 'ANNOUNCE':
        return session ? { status: 455 } : this.#announce(request);
      case 'SETUP':
        return this.#setUp(session, request);
      case 'PLAY':
      case 'RECORD':
      case 'PAUSE':
      case 'TEARDOWN':
        return session ? this.#control(session, request.method) : { status: 454 };
      default:
        return { status: 501 };
    }
  }

  #control(session: RtspSession, method: 'PLAY' | 'RECORD' | 'PAUSE' | 'TEARDOWN'): Answer {
    const { role } = session;
    if (method === 'TEARDOWN') {
      session.end('closed by the client');
      return { status: 200 };
    }
    if (role instanceof Reading && method !== 'RECORD') {
      return method === 'PLAY' ? role.play() : role.pause();
    }
    if (role instanceof Publishing && method !== 'PLAY') {
      return method === 'RECORD' ? role.record(this.#room.paths) : role.pause();
    }
    return { status: 455 };
  }

  async #describe(request: RtspRequest): Promise<Answer> {
    const { paths, media, clock } = this.#room;
    const target = parseTarget(request.uri);
    const verdict = await this.#authentication.check('read', target, request);
    if ('answer' in verdict) {
      return verdict.answer;
    }
    const location = paths.redirectOf(target.name);
    if (location !== undefined) {
      return { status: 302, headers: [['Location', absoluteUrl(location, request.uri)]] };
    }
    const stream = await paths.open(target.name, target.query);
    const wantsMulticast = this.#room.transports.includes('multicast') && /(?:^|&)vlcmulticast\b/.test(target.query);
    const sdp = writeSdp(stream.tracks, {
      name: target.name,
      host: '0.0.0.0',
      sessionId: Math.floor(clock.wallMs()),
      multicast: wantsMulticast ? media.multicastPlace(stream) : undefined,
    });
    const base = withoutCredentials(request.uri);
    const headers: HeaderField[] = [
      ['Content-Base', base.endsWith('/') ? base : `${base}/`],
      ['Content-Type', 'application/sdp'],
    ];
    return { status: 200, headers, body: new TextEncoder().encode(sdp) };
  }

  async #announce(request: RtspRequest): Promise<Answer> {
    const target = parseTarget(request.uri);
    const verdict = await this.#authentication.check('publish', target, request);
    if ('answer' in verdict) {
      return verdict.answer;
    }
    this.#room.paths.mayPublish(target.name);
    const medias = mediasOf(request);
    const session = this.#open(target, verdict.user, request);
    session.role = new Publishing(session, medias, this.#room.makeIntake);
    return { status: 200 };
  }

  async #setUp(session: RtspSession | undefined, request: RtspRequest): Promise<Answer> {
    const { transports } = this.#room;
    const role = session?.role;
    const chosen = chooseTransport(request.headers.get('Transport'), transports, role?.kind);
    if (role instanceof Publishing) {
      return { status: 200, headers: [role.setUp(request.uri, chosen)] };
    }
    const { track, ...target } = parseTrackTarget(request.uri);
    if (session && role instanceof Reading) {
      const { name } = session.facts.target;
      if (target.name !== name) {
        throw new PerchError('badInput', `SETUP of path '${target.name}' in a session of path '${name}'`);
      }
      return { status: 200, headers: [role.setUp(track, request.uri, chosen)] };
    }
    const verdict = await this.#authentication.check('read', target, request);
    if ('answer' in verdict) {
      return verdict.answer;
    }
    const stream = await this.#room.paths.open(target.name, target.query);
    if (stream.isClosed) {
      throw new PerchError('notFound', `no stream is available on path '${target.name}'`);
    }
    const opened = this.#open(target, verdict.user, request);
    const reading = new Reading(opened, stream, this.#room.makeDelivery);
    opened.role = reading;
    try {
      return { status: 200, headers: [reading.setUp(track, request.uri, chosen)] };
    } catch (error) {
      opened.end('its first track could not be set up');
      throw error;
    }
  }

  #open(target: RtspTarget, user: string, request: RtspRequest): RtspSession {
    const { type, sessions, readTimeoutMs } = this.#room;
    if (this.#link.isClosed) {
      // It did not wait for the source: a session would keep it running for nobody.
      throw new PerchError('unavailable', 'the client has gone');
    }
    const userAgent = request.headers.get('User-Agent') ?? '';
    const session = sessions.open({ type, target, user, userAgent, home: this.#link, readTimeoutMs });
    this.#session = session;
    return session;
  }
}

/** The media sections of ANNOUNCE: those that cannot be understood stay in their places, for the publisher counts them. */
function mediasOf(request: RtspRequest): readonly SdpMedia[] {
  const type = request.headers.get('Content-Type') ?? '';
  if (!/^application\/sdp\b/i.test(type)) {
    throw new PerchError('badInput', `ANNOUNCE with a body of type '${type.slice(0, 40)}', expected application/sdp`);
  }
  const { medias } = parseSdp(bodyText(request));
  if (medias.length > MAX_MEDIAS) {
    throw new PerchError('badInput', `${medias.length} medias are announced, at most ${MAX_MEDIAS} are taken`);
  }
  if (medias.every(({ formats }) => formats.length === 0)) {
    throw new PerchError('badInput', 'no media of ANNOUNCE has a format that is known');
  }
  return medias;
}
