import type { FastifyPluginAsync } from 'fastify';
import Type, { type Static } from 'typebox';
import { endpointOf } from '../../../base/ip-address.ts';
import type { SessionTables } from '../../../protocols/contract.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, operation, PathPageQuery, pageOf, TimeText } from '../schema/schemas.ts';

const Reader = Type.Object({
  path: Type.String(),
  protocol: Type.String(),
  type: Type.String({ description: 'As in `readers` of the path.' }),
  id: Type.String({ description: 'Of the session, which its own list can end.' }),
  user: Type.String({ description: 'Empty: not logged in.' }),
  clientIP: Type.String({ description: 'Empty: a local socket.' }),
  created: TimeText,
});

/** `/readers`: clients that play, by any protocol; an HLS muxer is none, its sessions are. */
export const readerRoutes: FastifyPluginAsync<{ readonly sessions: SessionTables }> = async (app, { sessions }) => {
  const list = operation(
    'paths',
    'Readers of this box, of all protocols, the oldest first',
    answers(pageOf(Reader), 400),
    {
      querystring: PathPageQuery,
    },
  );
  app.get('/readers/list', { schema: list }, ({ query }) => {
    const { path } = query as { readonly path?: string };
    const items = readersOf(sessions).filter((reader) => path === undefined || reader.path === path);
    return paginate(items, query);
  });
};

const readersOf = (sessions: SessionTables): Static<typeof Reader>[] =>
  sessions.kinds
    .flatMap((kind) =>
      (sessions.table(kind)?.list() ?? []).flatMap(({ id, path = '', state = 'read', user, remoteAddr, created }) =>
        id === undefined || path === '' || state !== 'read'
          ? []
          : [
              {
                path,
                protocol: kind.protocol,
                type: kind.apiType,
                id,
                user: user ?? '',
                clientIP: endpointOf(remoteAddr ?? '').ip,
                created,
              },
            ],
      ),
    )
    .sort((one, other) => Date.parse(one.created) - Date.parse(other.created));
