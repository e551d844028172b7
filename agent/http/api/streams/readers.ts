import type { FastifyPluginAsync } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { endpointOf } from '../../../base/network/ip-address.ts';
import type { SessionTables } from '../../../protocols/contract.ts';
import { OK, OkAnswer } from '../../messages/responses.ts';
import { idOf } from '../schema/names.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, IdParams, operation, PathPageQuery, pageOf, TimeText } from '../schema/schemas.ts';
import { tableOf } from './audience.ts';

const Reader = Type.Object({
  path: Type.String(),
  protocol: Type.String(),
  type: Type.String({ description: 'Type, as in `readers` of the path.' }),
  id: Type.String({ description: 'Id of the session or connection.' }),
  user: Type.String({ description: 'Name of the user. Empty: not logged in.' }),
  clientIP: Type.String({ description: 'IP address of the client. Empty: a local socket.' }),
  created: TimeText,
});

/** `/readers`: clients that play, by any protocol. The sessions of an HLS muxer are listed, not the muxer. */
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

  const kick = operation('paths', 'Disconnect a reader; id as in the list', answers(OkAnswer, 400, 404), {
    params: IdParams,
  });
  app.post('/readers/kick/:id', { schema: kick }, (request) => {
    const id = idOf(request);
    const reader = readersOf(sessions).find((one) => one.id === id);
    if (!reader || !tableOf(reader.type, sessions)?.kick?.(id)) {
      throw new PerchError('notFound', 'reader not found', { id });
    }
    return OK;
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
