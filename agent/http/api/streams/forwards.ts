import type { FastifyPluginAsync } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, OrNull, operation, PathPageQuery, pageOf } from '../schema/schemas.ts';

/** A destination as in MediaMTX's API, then Perch's own fields. */
const ForwardItem = Type.Object({
  id: Type.String(),
  pos: Type.Integer({ description: "Position in the path's list, from 0." }),
  created: Type.String({ description: 'RFC 3339.' }),
  conf: Type.Object({
    dest: Type.String({ description: 'Without user, password and stream key.' }),
    destFingerprint: Type.String(),
    whipBearerToken: Type.String({ description: '"<redacted>" if there is one.' }),
  }),
  protocol: Type.String({ description: 'The scheme of the URL.' }),
  state: Type.Enum(['idle', 'forwarding', 'error'], {
    description:
      'idle: there is no stream, another server of the database publishes there, or the first connection is being made; error: the last attempt failed.',
  }),
  lastError: OrNull(Type.String({ description: 'Why the destination does not get the stream.' })),
  lastErrorTime: OrNull(Type.String({ description: 'RFC 3339.' })),
  outboundBytes: Type.Integer(),
  reconnects: Type.Integer({ description: 'Attempts after a failure.' }),
});
export type ForwardItem = Static<typeof ForwardItem>;

export interface ForwardLookup {
  /** Undefined: no such path now. */
  forwardsOf(path: string): readonly ForwardItem[] | undefined;
}

export const forwardRoutes: FastifyPluginAsync<{ readonly forwards: ForwardLookup }> = async (app, { forwards }) => {
  const of = (query: unknown): readonly ForwardItem[] => {
    const { path } = query as { readonly path?: unknown };
    if (typeof path !== 'string' || path === '') {
      throw new PerchError('badInput', 'invalid path');
    }
    const items = forwards.forwardsOf(path);
    if (!items) {
      throw new PerchError('notFound', 'path not found', { path });
    }
    return items;
  };
  const all = operation(
    'paths',
    'Servers that a path is forwarded to, in the order of its configuration',
    answers(pageOf(ForwardItem), 400, 404),
    { querystring: PathPageQuery },
  );
  app.get('/paths/forward/list', { schema: all }, ({ query }) => paginate([...of(query)], query));

  const one = operation('paths', 'A server that a path is forwarded to', answers(ForwardItem, 400, 404), {
    querystring: Type.Object({ path: Type.String(), id: Type.String() }),
  });
  app.get('/paths/forward/get', { schema: one }, ({ query }) => {
    const { id } = query as { readonly id: string };
    const item = of(query).find((other) => other.id === id);
    if (!item) {
      throw new PerchError('notFound', 'forward destination not found');
    }
    return item;
  });
};
