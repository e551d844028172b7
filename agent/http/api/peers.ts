import type { FastifyPluginAsync } from 'fastify';
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
}

export const peerRoutes: FastifyPluginAsync<{ peers: PeerLookups }> = async (app, { peers }) => {
  const sessions = () => running(peers.webrtcSessions());
  const muxers = () => running(peers.hlsMuxers());

  app.get('/webrtcsessions/list', ({ query }) => paginate(sessions().list().toSorted(byCreated), query));

  app.get('/webrtcsessions/get/:id', (request) => {
    const id = idOf(request);
    return found(
      sessions()
        .list()
        .find((session) => session.id === id),
      'session not found',
    );
  });

  app.post('/webrtcsessions/kick/:id', (request) => {
    const id = idOf(request);
    found(sessions().kick(id) || undefined, 'session not found');
    return { status: 'ok' };
  });

  app.get('/hlsmuxers/list', ({ query }) => paginate(muxers().list().toSorted(byCreated), query));

  app.get('/hlsmuxers/get/*', (request) => {
    const name = nameOf(request);
    return found(
      muxers()
        .list()
        .find(({ path }) => path === name),
      'muxer not found',
    );
  });
};

const byCreated = (a: { created: string }, b: { created: string }): number =>
  Date.parse(a.created) - Date.parse(b.created);

function running<T>(lookup: T | undefined): T {
  if (lookup === undefined) {
    throw new PerchError('notFound', 'this server is switched off');
  }
  return lookup;
}

function found<T>(item: T | undefined, message: string): T {
  if (item === undefined) {
    throw new PerchError('notFound', message);
  }
  return item;
}
