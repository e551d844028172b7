import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { PreLoginMemory } from '../../../base/network/pre-login-memory.ts';
import { bodyText, type HeaderField, REQUIRE_BACK_CHANNEL, type RtspRequest } from '../../../media/rtsp/message.ts';
import type { G711Track } from '../../../media/sample/track.ts';
import { parseSdp, type SdpMedia } from '../../../media/sdp/parse.ts';
import { writeSdp } from '../../../media/sdp/write.ts';
import type { RtspReplays, SessionAccess } from '../../../protocols/contract.ts';
import type { MediaPlane } from '../transport/media-plane.ts';
import { Authentication, type AuthMethod } from './authentication.ts';
import { type ChosenTransport, chooseTransport, type OfferedTransports } from './choose-transport.ts';
import type { RtspPaths } from './contracts.ts';
import { type CreateDelivery, PlaySession } from './play-session.ts';
import { type CreateReceiver, RecordSession } from './record-session.ts';
import { ReplaySession } from './replay-session.ts';
import type { Response } from './response.ts';
import { REPORTED_TIMEOUT_S, type RtspSession, type SessionLink } from './session.ts';
import type { RtspKinds } from './session-kinds.ts';
import type { SessionTable } from './session-table.ts';
import { TalkSession } from './talk-session.ts';
import { absoluteUrl, parseTarget, parseTrackTarget, type RtspTarget, withoutCredentials } from './target.ts';

const METHODS = 'DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD, PAUSE, GET_PARAMETER, TEARDOWN';
/** No player supports more tracks. */
const MAX_MEDIAS = 16;

/** What the connections of one endpoint share. */
export interface SharedServer {
  readonly kinds: RtspKinds;
  readonly transports: OfferedTransports;
  readonly authMethods: readonly AuthMethod[];
  readonly readTimeoutMs: number;
  readonly paths: RtspPaths;
  replays?(): RtspReplays | undefined;
  readonly access: SessionAccess;
  readonly sessions: SessionTable;
  readonly media: Pick<MediaPlane, 'multicastAddress' | 'keysOf'>;
  readonly createDelivery: CreateDelivery;
  readonly createReceiver: CreateReceiver;
  readonly clock: Clock;
  readonly preLogin?: PreLoginMemory | undefined;
}

/** Handles the requests of one connection, RFC 2326 §10. */
export class RequestHandler {
  readonly #link: SessionLink;
  readonly #server: SharedServer;
  readonly #authentication: Authentication;
  #session: RtspSession | undefined;
  /** Of the next session, because its login is checked before it is opened. */
  #nextId = randomUUID();

  constructor(link: SessionLink, server: SharedServer) {
    this.#link = link;
    this.#server = server;
    this.#authentication = new Authentication(server.authMethods, server.access, link, server.clock);
  }

  get session(): RtspSession | undefined {
    return this.#session?.isClosed ? undefined : this.#session;
  }

  /** @throws PerchError, which becomes an error status */
  async handle(request: RtspRequest): Promise<Response> {
    const key = request.headers.get('Session')?.split(';')[0]?.trim();
    if (key) {
      const session = this.#server.sessions.ofKey(key);
      if (!session) {
        return { status: 454 };
      }
      if (this.session && this.session !== session) {
        throw new PerchError('badInput', 'the connection belongs to another session');
      }
      const refusal = this.session ? undefined : await this.#refusalOf(session, request);
      if (refusal) {
        return refusal;
      }
      this.#session = session;
    } else if (this.session && this.#link.hasTwoAddresses && request.method !== 'OPTIONS') {
      // The cookie of the tunnel is the client's, and may be weak: the key of the session is ours.
      return { status: 454 };
    }
    const session = this.session;
    session?.touch(this.#link);
    const answer = await this.#dispatch(session, request);
    const known = this.session;
    const headers: HeaderField[] = known ? [['Session', `${known.key};timeout=${REPORTED_TIMEOUT_S}`]] : [];
    return { ...answer, headers: [...headers, ...(answer.headers ?? [])] };
  }

  /** From a new address a session is used only by who can open it: the login is asked for again. */
  async #refusalOf(session: RtspSession, request: RtspRequest): Promise<Response | undefined> {
    const { connection, target, user, id } = session.options;
    if (connection.ip === this.#link.ip) {
      return undefined;
    }
    const { role } = session;
    if (role instanceof TalkSession) {
      return { status: 454 };
    }
    const action = role instanceof RecordSession ? 'publish' : role instanceof ReplaySession ? 'playback' : 'read';
    const result = await this.#authentication.check(action, target, request, id);
    if ('response' in result) {
      return result.response;
    }
    return result.user === user && !session.isClosed ? undefined : { status: 454 };
  }

  #dispatch(session: RtspSession | undefined, request: RtspRequest): Response | Promise<Response> {
    switch (request.method) {
      case 'OPTIONS':
        return { status: 200, headers: [['Public', METHODS]] };
      case 'GET_PARAMETER':
        return { status: 200 };
      case 'SET_PARAMETER':
        // An empty request is a keepalive; there are no parameters to set.
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
        return session ? this.#control(session, request.method, request) : { status: 454 };
      default:
        return { status: 501 };
    }
  }

  #control(
    session: RtspSession,
    method: 'PLAY' | 'RECORD' | 'PAUSE' | 'TEARDOWN',
    request: RtspRequest,
  ): Response | Promise<Response> {
    const { role } = session;
    if (method === 'TEARDOWN') {
      session.end('closed by the client');
      return { status: 200 };
    }
    if (role instanceof TalkSession) {
      return method === 'PLAY' ? role.play() : { status: 455 };
    }
    if (role instanceof ReplaySession && method !== 'RECORD') {
      return method === 'PLAY' ? role.play(request) : role.pause();
    }
    if (role instanceof PlaySession && method !== 'RECORD') {
      return method === 'PLAY' ? role.play() : role.pause();
    }
    if (role instanceof RecordSession && method !== 'PLAY') {
      return method === 'RECORD' ? role.record(this.#server.paths) : role.pause();
    }
    return { status: 455 };
  }

  async #describe(request: RtspRequest): Promise<Response> {
    const { paths, media, clock } = this.#server;
    const target = parseTarget(request.uri);
    const replays = this.#replaysOf(target);
    if (replays) {
      return this.#describeReplay(replays, target, request);
    }
    const result = await this.#authentication.check('read', target, request, this.#link.id);
    if ('response' in result) {
      return result.response;
    }
    const location = paths.redirectOf(target.name);
    if (location !== undefined) {
      return { status: 302, headers: [['Location', absoluteUrl(location, request.uri)]] };
    }
    const isTalk = this.#wantsToTalk(request);
    if (isTalk && this.#talkerOf(target.name) === undefined) {
      return NOT_PERMITTED;
    }
    const stream = await paths.open(target.name, target.query);
    const backChannel = isTalk ? await loudspeakerOf(paths, target.name) : undefined;
    const wantsMulticast =
      this.#server.transports.kinds.includes('multicast') && /(?:^|&)vlcmulticast\b/.test(target.query);
    const sdp = writeSdp(stream.tracks, {
      name: target.name,
      host: '0.0.0.0',
      sessionId: Math.floor(clock.wallMs()),
      multicast: wantsMulticast ? media.multicastAddress(stream) : undefined,
      keys: media.keysOf(stream),
      backChannel,
    });
    return described(request, sdp);
  }

  #isReplay(uri: string, role: RtspSession['role']): boolean {
    const query = uri.slice(uri.indexOf('?') + 1);
    return role instanceof ReplaySession || (!role && this.#server.replays?.()?.takes(query) === true);
  }

  /** The recordings that a URL asks for, or undefined if it asks for the stream. */
  #replaysOf({ query }: RtspTarget): RtspReplays | undefined {
    const replays = this.#server.replays?.();
    return replays?.takes(query) ? replays : undefined;
  }

  async #describeReplay(replays: RtspReplays, target: RtspTarget, request: RtspRequest): Promise<Response> {
    const result = await this.#authentication.check('playback', target, request, this.#link.id);
    if ('response' in result) {
      return result.response;
    }
    const tracks = await replays.tracks(target.name);
    const sessionId = Math.floor(this.#server.clock.wallMs());
    const replayUrl = withoutCredentials(request.uri);
    return described(request, writeSdp(tracks, { name: target.name, host: '0.0.0.0', sessionId, replayUrl }));
  }

  async #announce(request: RtspRequest): Promise<Response> {
    const target = parseTarget(request.uri);
    const result = await this.#authentication.check('publish', target, request, this.#nextId);
    if ('response' in result) {
      return result.response;
    }
    this.#server.paths.mayPublish(target.name);
    const medias = mediasOf(request);
    const session = this.#open(target, result.user, request);
    session.role = new RecordSession(session, medias, this.#server.createReceiver);
    return { status: 200 };
  }

  async #setUp(session: RtspSession | undefined, request: RtspRequest): Promise<Response> {
    const { transports } = this.#server;
    const role = session?.role;
    const { headers } = request;
    const { track, ...target } = parseTrackTarget(request.uri);
    if (role instanceof PlaySession && role.state === 'idle' && role.uris.has(track) && !headers.get('Session')) {
      // FFmpeg that gets nothing over UDP sends PAUSE, forgets its session, and sets its tracks up over TCP.
      session?.end('set up again');
      return this.#setUp(undefined, request);
    }
    const isReplay = this.#isReplay(request.uri, role);
    const offered = isReplay ? { ...transports, kinds: transports.kinds.filter((kind) => kind === 'tcp') } : transports;
    const chosen = chooseTransport(headers.get('Transport'), offered, role?.media, headers.get('KeyMgmt'));
    if (role instanceof RecordSession) {
      return { status: 200, headers: role.setUp(request.uri, chosen) };
    }
    if (isReplay) {
      return this.#setUpReplay(session, this.#replaysOf(target), { track, target, chosen, request });
    }
    if (this.#wantsToTalk(request)) {
      return session ? { status: 455 } : this.#setUpTalk(target, chosen, request);
    }
    if (session && role instanceof PlaySession) {
      const { name } = session.options.target;
      if (target.name !== name) {
        throw new PerchError('badInput', `SETUP of path '${target.name}' in a session of path '${name}'`);
      }
      return { status: 200, headers: role.setUp(track, request.uri, chosen) };
    }
    const result = await this.#authentication.check('read', target, request, this.#nextId);
    if ('response' in result) {
      return result.response;
    }
    const stream = await this.#server.paths.open(target.name, target.query);
    if (stream.isClosed) {
      throw new PerchError('notFound', `no stream is available on path '${target.name}'`);
    }
    const opened = this.#open(target, result.user, request);
    const playSession = new PlaySession(opened, stream, this.#server.createDelivery);
    opened.role = playSession;
    try {
      return { status: 200, headers: playSession.setUp(track, request.uri, chosen) };
    } catch (error) {
      opened.end('the first track could not be set up');
      throw error;
    }
  }

  async #setUpReplay(
    session: RtspSession | undefined,
    replays: RtspReplays | undefined,
    { track, target, chosen, request }: ReplaySetUp,
  ): Promise<Response> {
    const role = session?.role;
    if (session && (!(role instanceof ReplaySession) || target.name !== session.options.target.name)) {
      throw new PerchError('badInput', `SETUP of recordings of path '${target.name}' in another session`);
    }
    if (role instanceof ReplaySession) {
      return { status: 200, headers: role.setUp(track, request.uri, chosen) };
    }
    const result = await this.#authentication.check('playback', target, request, this.#nextId);
    if ('response' in result) {
      return result.response;
    }
    if (!replays) {
      return { status: 404 };
    }
    const opened = this.#open(target, result.user, request, 'playback');
    try {
      const replay = await ReplaySession.open(opened, replays);
      opened.role = replay;
      return { status: 200, headers: replay.setUp(track, request.uri, chosen) };
    } catch (error) {
      opened.end(explain(error));
      if (error instanceof PerchError && error.code === 'exhausted') {
        return { status: 453 };
      }
      throw error;
    }
  }

  /** Whether DESCRIBE gets a back channel. Without talkers in `access`, clients that require one get a description without it. */
  #wantsToTalk({ headers }: RtspRequest): boolean {
    const [, tag] = REQUIRE_BACK_CHANNEL;
    return this.#server.access.talker !== undefined && headers.get('Require')?.includes(tag) === true;
  }

  #talkerOf = (path: string): string | undefined => this.#server.access.talker?.(path);

  async #setUpTalk(target: RtspTarget, chosen: ChosenTransport, request: RtspRequest): Promise<Response> {
    const { paths, clock } = this.#server;
    const user = this.#talkerOf(target.name);
    if (user === undefined) {
      return NOT_PERMITTED;
    }
    const session = this.#open(target, user, request);
    try {
      const { role, fields } = await TalkSession.open(session, request.uri, chosen, paths, clock);
      session.role = role;
      if (session.isClosed || this.#talkerOf(target.name) === undefined) {
        role.close();
        throw new PerchError('unavailable', 'the talk was ended while the loudspeaker was opened');
      }
      return { status: 200, headers: fields };
    } catch (error) {
      session.end(explain(error));
      if (error instanceof PerchError && error.code === 'exhausted') {
        // The loudspeaker is in use: cameras answer 453 as well (RFC 2326 §11.3.7).
        return { status: 453 };
      }
      throw error;
    }
  }

  #open(target: RtspTarget, user: string, request: RtspRequest, action?: 'playback'): RtspSession {
    const { kinds, sessions, readTimeoutMs } = this.#server;
    if (this.#link.isClosed) {
      // The client left while the source started: a session would keep it running.
      throw new PerchError('unavailable', 'the client has disconnected');
    }
    const userAgent = request.headers.get('User-Agent') ?? '';
    const session = sessions.open({
      id: this.#nextId,
      kind: kinds.session,
      target,
      user,
      userAgent,
      action,
      connection: this.#link,
      readTimeoutMs,
    });
    this.#session = session;
    this.#nextId = randomUUID();
    return session;
  }
}

interface ReplaySetUp {
  readonly track: number;
  readonly target: RtspTarget;
  readonly chosen: ChosenTransport;
  readonly request: RtspRequest;
}

function described(request: RtspRequest, sdp: string): Response {
  const base = withoutCredentials(request.uri);
  const headers: HeaderField[] = [
    ['Content-Base', base.endsWith('/') ? base : `${base}/`],
    ['Content-Type', 'application/sdp'],
  ];
  return { status: 200, headers, body: new TextEncoder().encode(sdp) };
}

const NOT_PERMITTED: Response = { status: 401, closeReason: 'talking is not permitted' };

/** What the loudspeaker of the path's camera takes. */
async function loudspeakerOf(paths: RtspPaths, path: string): Promise<G711Track | undefined> {
  try {
    const { codec, clockRate, channels } = await paths.mayTalk(path);
    return { kind: 'audio', codec: 'g711', law: codec === 'PCMA' ? 'a' : 'mu', clockRate, channels };
  } catch (error) {
    if (error instanceof PerchError && error.code === 'unsupported') {
      return undefined;
    }
    throw error;
  }
}

/** Media sections of ANNOUNCE. Unknown ones keep their index. */
function mediasOf(request: RtspRequest): readonly SdpMedia[] {
  const type = request.headers.get('Content-Type') ?? '';
  if (!/^application\/sdp\b/i.test(type)) {
    throw new PerchError('badInput', `ANNOUNCE with a body of type '${type.slice(0, 40)}', expected application/sdp`);
  }
  const { medias } = parseSdp(bodyText(request));
  if (medias.length > MAX_MEDIAS) {
    throw new PerchError('badInput', `ANNOUNCE has ${medias.length} media sections, the limit is ${MAX_MEDIAS}`);
  }
  if (medias.every(({ formats }) => formats.length === 0)) {
    throw new PerchError('badInput', 'no media section of ANNOUNCE has a known format');
  }
  return medias;
}
