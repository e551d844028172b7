import type { Config } from '../../../config/load/load.ts';
import type {
  SessionItem,
  SessionKind,
  SessionTable,
  SessionTables,
  ZlmSessionKind,
} from '../../../protocols/contract.ts';
import type { OriginSocket } from './media-items.ts';

/** A session as ZLMediaKit's API lists it. */
export interface ZlmSessionItem extends OriginSocket {
  readonly id: string;
  readonly type: 'tcp' | 'udp';
  readonly typeid: string;
}

/** A session with its server's item. */
export interface Listed {
  readonly kind: ZlmSessionKind;
  readonly table: SessionTable;
  readonly facts: SessionItem;
  readonly item: ZlmSessionItem;
}

interface SessionFilter {
  readonly localPort?: string | undefined;
  readonly peerIp?: string | undefined;
}

/** The sessions of all protocols. */
export class ZlmSessions {
  readonly #tables: SessionTables;
  readonly #config: () => Config;

  constructor(tables: SessionTables, config: () => Config) {
    this.#tables = tables;
    this.#config = config;
  }

  get kinds(): readonly SessionKind[] {
    return this.#tables.kinds;
  }

  list(filter: SessionFilter = {}): readonly ZlmSessionItem[] {
    return this.#matching(filter).map(({ item }) => item);
  }

  /** @returns how many were ended */
  kickAll(filter: SessionFilter): number {
    return this.#matching(filter).filter(({ table, item }) => table.kick?.(item.id)).length;
  }

  kick(id: string): boolean {
    return (
      this.all()
        .find(({ item }) => item.id === id)
        ?.table.kick?.(id) ?? false
    );
  }

  #matching({ localPort, peerIp }: SessionFilter): readonly Listed[] {
    return this.all().filter(({ item }) => {
      const isWanted = localPort === undefined || String(item.local_port) === localPort;
      return isWanted && (peerIp === undefined || item.peer_ip === peerIp);
    });
  }

  all(): readonly Listed[] {
    const config = this.#config();
    return this.#tables.kinds.flatMap((kind) => {
      const table = kind.zlm && this.#tables.table(kind);
      if (!kind.zlm || !table) {
        return [];
      }
      const { zlm } = kind;
      const port = zlm.localPort(config);
      return table.list().map((facts) => ({ kind: zlm, table, facts, item: itemOf(facts, zlm, port) }));
    });
  }
}

function itemOf(
  { id = '', remoteAddr = '', transport }: SessionItem,
  kind: ZlmSessionKind,
  port: number,
): ZlmSessionItem {
  const [, host = '', peerPort = '0'] = /^(.*):(\d+)$/.exec(remoteAddr) ?? [];
  const isUdp = kind.isUdp === true || transport?.startsWith('UDP') === true;
  return {
    id,
    type: isUdp ? 'udp' : 'tcp',
    typeid: kind.typeid,
    peer_ip: host.replace(/^\[(.*)\]$/, '$1'),
    peer_port: Number(peerPort),
    local_ip: '',
    local_port: port,
    identifier: id,
  };
}
