import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import type { TSchema } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { OkAnswer } from '../../messages/responses.ts';
import { idOf, nameOf } from '../schema/names.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, IdParams, PageQuery, PathName, pageOf } from '../schema/schemas.ts';
import { HlsMuxer, HlsSession, RtspConn, RtspSession, WebRtcSession } from './session-schemas.ts';

/** What a server tells of one session: MediaMTX's fields, shown as they are. */
export interface SessionItem {
  readonly id: string;
  /** RFC 3339. */
  readonly created: string;
  /** `address:port`, an IPv6 address in brackets. */
  readonly remoteAddr?: string;
}

export interface SessionLookup {
  list(): readonly SessionItem[];
  /** Ends a session; false when there is none of this id. */
  kick(id: string): boolean;
}

export interface MuxerItem {
  readonly path: string;
  /** RFC 3339. */
  readonly created: string;
}

export interface MuxerLookup {
  list(): readonly MuxerItem[];
}

/** Undefined while the server is switched off: then its routes do not exist. */
export interface PeerLookups {
  webrtcSessions(): SessionLookup | undefined;
  hlsMuxers(): MuxerLookup | undefined;
  hlsSessions(): SessionLookup | undefined;
  rtspConns(): SessionLookup | undefined;
  rtspSessions(): SessionLookup | undefined;
  rtspsConns(): SessionLookup | undefined;
  rtspsSessions(): SessionLookup | undefined;
}

export const peerRoutes: FastifyPluginAsync<{ peers: PeerLookups }> = async (app, { peers }) => {
  await app.register(muxerRoutes, { muxers: () => peers.hlsMuxers() });
  const session = { noun: 'session', nouns: 'sessions' };
  const conn = { noun: 'connection', nouns: 'connections' };
  const kinds: readonly SessionKind[] = [
    { base: '/hlssessions', of: 'HLS', item: HlsSession, ...session, lookup: () => peers.hlsSessions() },
    { base: '/webrtcsessions', of: 'WebRTC', item: WebRtcSession, ...session, lookup: () => peers.webrtcSessions() },
    { base: '/rtspconns', of: 'RTSP', item: RtspConn, ...conn, lookup: () => peers.rtspConns() },
    { base: '/rtspsessions', of: 'RTSP', item: RtspSession, ...session, lookup: () => peers.rtspSessions() },
    { base: '/rtspsconns', of: 'RTSPS', item: RtspConn, ...conn, lookup: () => peers.rtspsConns() },
    { base: '/rtspssessions', of: 'RTSPS', item: RtspSession, ...session, lookup: () => peers.rtspsSessions() },
  ];
  for (const kind of kinds) {
    await app.register(sessionRoutes, kind);
  }
};

interface SessionKind {
  readonly base: string;
  /** The server's name, for people. */
  readonly of: string;
  readonly item: TSchema;
  /** What one of them is called in messages. */
  readonly noun: string;
  readonly nouns: string;
  lookup(): SessionLookup | undefined;
}

const TAGS = ['sessions'];

const sessionRoutes: FastifyPluginAsync<SessionKind> = async (app, { base, of, item: shape, noun, nouns, lookup }) => {
  existOnlyWhile(app, () => lookup() !== undefined);
  const list = () => (lookup()?.list() ?? []).toSorted(byCreated);

  const all = { summary: `${of} ${nouns}`, tags: TAGS, querystring: PageQuery, response: answers(pageOf(shape), 400) };
  app.get(`${base}/list`, { schema: all }, ({ query }) => paginate(list(), query));

  const one = { summary: `One ${of} ${noun}`, tags: TAGS, params: IdParams, response: answers(shape, 400, 404) };
  app.get(`${base}/get/:id`, { schema: one }, (request) => {
    const id = idOf(request);
    const item = list().find((candidate) => candidate.id === id);
    if (!item) {
      throw new PerchError('notFound', `${noun} not found`, { [noun]: id });
    }
    return item;
  });

  const end = {
    summary: `Ends one ${of} ${noun}`,
    tags: TAGS,
    params: IdParams,
    response: answers(OkAnswer, 400, 404),
  };
  app.post(`${base}/kick/:id`, { schema: end }, (request) => {
    const id = idOf(request);
    if (!lookup()?.kick(id)) {
      throw new PerchError('notFound', `${noun} not found`, { [noun]: id });
    }
    return { status: 'ok' };
  });
};

const muxerRoutes: FastifyPluginAsync<{ muxers: () => MuxerLookup | undefined }> = async (app, { muxers }) => {
  existOnlyWhile(app, () => muxers() !== undefined);
  const list = () => (muxers()?.list() ?? []).toSorted(byCreated);

  const all = {
    summary: 'Paths that are being made into HLS',
    ...{ tags: TAGS, querystring: PageQuery, response: answers(pageOf(HlsMuxer), 400) },
  };
  app.get('/hlsmuxers/list', { schema: all }, ({ query }) => paginate(list(), query));

  const one = {
    summary: 'One path that is being made into HLS',
    ...{ tags: TAGS, params: PathName, response: answers(HlsMuxer, 400, 404) },
  };
  app.get('/hlsmuxers/get/*', { schema: one }, (request) => {
    const name = nameOf(request);
    const muxer = list().find(({ path }) => path === name);
    if (!muxer) {
      throw new PerchError('notFound', 'muxer not found', { path: name });
    }
    return muxer;
  });
};

/** A server that the configuration switches off while the port stays open. */
function existOnlyWhile(app: FastifyInstance, isOn: () => boolean): void {
  app.addHook('preHandler', async (_request, reply) => {
    if (!isOn()) {
      reply.callNotFound();
      return reply;
    }
    return undefined;
  });
}

const byCreated = (a: { created: string }, b: { created: string }): number =>
  Date.parse(a.created) - Date.parse(b.created);
