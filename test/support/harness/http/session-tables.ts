import { SERVERS } from '../../../../agent/app/protocols.ts';
import type { SessionTable, SessionTables } from '../../../../agent/protocols/contract.ts';

/** Tables of the servers by their collections: `rtspsessions`. The ports of the others are closed. */
export function sessionTables(tables: Readonly<Record<string, SessionTable | undefined>> = {}): SessionTables {
  return {
    kinds: SERVERS.flatMap(({ kinds }) => kinds),
    documented: SERVERS.toReversed().flatMap(({ kinds }) => kinds),
    table: ({ collection }) => tables[collection],
  };
}
