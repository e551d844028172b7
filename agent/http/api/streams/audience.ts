import { PerchError } from '../../../base/errors.ts';
import { endpointOf } from '../../../base/ip-address.ts';
import type { SessionTable, SessionTables } from '../../../protocols/contract.ts';

/** A session that sends or reads, as a path names it. */
interface Named {
  readonly type: string;
  readonly id: string;
}

export interface Subscriber {
  readonly protocol: string;
  /** Empty: not known, or gone already. */
  readonly clientIP: string;
}

interface PublisherItem {
  readonly path: string;
  readonly clientId: string;
  readonly protocol: string;
}

/** Protocol and address of each reader of a path. */
export function subscribersOf(readers: readonly Named[], sessions: SessionTables): Subscriber[] {
  const addresses = new Map<string, string>();
  for (const type of new Set(readers.map((reader) => reader.type))) {
    for (const { id = '', remoteAddr = '' } of tableOf(type, sessions)?.list() ?? []) {
      addresses.set(id, endpointOf(remoteAddr).ip);
    }
  }
  return readers.map(({ type, id }) => ({
    protocol: kindOf(type, sessions)?.protocol ?? type,
    clientIP: addresses.get(id) ?? '',
  }));
}

/** The publishers, by the names of their paths. What Perch pulls itself has none. */
export function publishersOf(
  paths: readonly { readonly name: string; readonly source: Named | null }[],
  sessions: SessionTables,
): PublisherItem[] {
  const found = paths.flatMap(({ name, source }) => {
    const kind = source && source.id !== '' ? kindOf(source.type, sessions) : undefined;
    return source && kind ? [{ path: name, clientId: source.id, protocol: kind.protocol }] : [];
  });
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** @throws PerchError notFound when no publisher has this id */
export function kickPublisher(
  paths: readonly { readonly source: Named | null }[],
  id: string,
  sessions: SessionTables,
): void {
  const source = paths.find((path) => path.source?.id === id)?.source;
  if (!source || !tableOf(source.type, sessions)?.kick?.(id)) {
    throw new PerchError('notFound', 'publisher not found', { id });
  }
}

const kindOf = (type: string, { kinds }: SessionTables) => kinds.find(({ apiType }) => apiType === type);

function tableOf(type: string, sessions: SessionTables): SessionTable | undefined {
  const kind = kindOf(type, sessions);
  return kind && sessions.table(kind);
}
