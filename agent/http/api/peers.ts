import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import { idOf, nameOf } from './names.ts';
import { paginate } from './paginate.ts';

/** What a server tells of one session: MediaMTX's fields, shown as they are. */
export interface SessionItem {
  readonly id: string;
  /** RFC 3339. */
  readonly created: string;
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
  const kinds: readonly SessionKind[] = [
    { base: '/hlssessions', noun: 'session', lookup: () => peers.hlsSessions() },
    { base: '/webrtcsessions', noun: 'session', lookup: () => peers.webrtcSessions() },
    { base: '/rtspconns', noun: 'connection', lookup: () => peers.rtspConns() },
    { base: '/rtspsessions', noun: 'session', lookup: () => peers.rtspSessions() },
    { base: '/rtspsconns', noun: 'connection', lookup: () => peers.rtspsConns() },
    { base: '/rtspssessions', noun: 'session', lookup: () => peers.rtspsSessions() },
  ];
  for (const kind of kinds) {
    await app.register(sessionRoutes, kind);
  }
};

interface SessionKind {
  readonly base: string;
  /** What one of them is called in messages. */
  readonly noun: string;
  lookup(): SessionLookup | undefined;
}

const sessionRoutes: FastifyPluginAsync<SessionKind> = async (app, { base, noun, lookup }) => {
  existOnlyWhile(app, () => lookup() !== undefined);
  const list = () => (lookup()?.list() ?? []).toSorted(byCreated);

  app.get(`${base}/list`, ({ query }) => paginate(list(), query));

  app.get(`${base}/get/:id`, (request) => {
    const id = idOf(request);
    const item = list().find((candidate) => candidate.id === id);
    if (!item) {
      throw new PerchError('notFound', `${noun} not found`, { [noun]: id });
    }
    return item;
  });

  app.post(`${base}/kick/:id`, (request) => {
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

  app.get('/hlsmuxers/list', ({ query }) => paginate(list(), query));

  app.get('/hlsmuxers/get/*', (request) => {
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
