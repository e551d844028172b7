import type { FastifyPluginAsync } from 'fastify';
import Type from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { endpointOf } from '../../../base/network/ip-address.ts';
import type { SessionTable, SessionTables } from '../../../protocols/contract.ts';
import { OK, OkAnswer } from '../../messages/responses.ts';
import { idOf } from '../schema/names.ts';
import { answers, IdParams, operation } from '../schema/schemas.ts';

/** A session that publishes or reads, as a path names it. */
interface Named {
  readonly type: string;
  readonly id: string;
}

export interface Subscriber {
  readonly protocol: string;
  /** Empty: unknown, or disconnected already. */
  readonly clientIP: string;
}

interface AudienceOptions {
  readonly paths: { list(): readonly { readonly name: string; readonly source: Named | null }[] };
  readonly sessions: SessionTables;
}

/** `/publishers`: clients that publish to this box, by any protocol. Pulled sources have no session. */
export const publisherRoutes: FastifyPluginAsync<AudienceOptions> = async (app, { paths, sessions }) => {
  // Items of kinds that publish have a state.
  const protocols = sessions.kinds.flatMap(({ itemSchema, protocol }) =>
    'state' in itemSchema.properties ? [protocol] : [],
  );
  const publisher = Type.Object({ path: Type.String(), clientId: Type.String(), protocol: Type.Enum(protocols) });
  const list = operation('paths', 'Publishers of this box', answers(Type.Array(publisher)));
  app.get('/publishers/list', { schema: list }, async () => {
    const items = paths.list().flatMap(({ name, source }) => {
      const kind = source && source.id !== '' ? sessionKind(source.type, sessions) : undefined;
      return source && kind ? [{ path: name, clientId: source.id, protocol: kind.protocol }] : [];
    });
    return items.sort((a, b) => (a.path < b.path ? -1 : 1));
  });

  const kick = operation('paths', 'Disconnect a publisher; clientId as in the list', answers(OkAnswer, 400, 404), {
    params: IdParams,
  });
  app.post('/publishers/kick/:id', { schema: kick }, (request) => {
    const id = idOf(request);
    const source = paths.list().find((path) => path.source?.id === id)?.source;
    if (!source || !tableOf(source.type, sessions)?.kick?.(id)) {
      throw new PerchError('notFound', 'publisher not found', { id });
    }
    return OK;
  });
};

/** Protocol and address of each reader of a path. */
export function subscribersOf(readers: readonly Named[], sessions: SessionTables): Subscriber[] {
  const addresses = new Map<string, string>();
  for (const type of new Set(readers.map((reader) => reader.type))) {
    for (const { id = '', remoteAddr = '' } of tableOf(type, sessions)?.list() ?? []) {
      addresses.set(id, endpointOf(remoteAddr).ip);
    }
  }
  return readers.map(({ type, id }) => ({
    protocol: sessionKind(type, sessions)?.protocol ?? type,
    clientIP: addresses.get(id) ?? '',
  }));
}

const sessionKind = (type: string, { kinds }: SessionTables) => kinds.find(({ apiType }) => apiType === type);

export function tableOf(type: string, sessions: SessionTables): SessionTable | undefined {
  const kind = sessionKind(type, sessions);
  return kind && sessions.table(kind);
}
