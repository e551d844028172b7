import type { OriginSocket } from './media-items.ts';

/** A session of whatever protocol, as its server tells of it. */
export interface SessionFacts {
  readonly id: string;
  /** `address:port`, an IPv6 address in brackets. */
  readonly remoteAddr?: string;
  readonly path?: string;
  /** Without `?`. */
  readonly query?: string;
  /** Viewers of HLS have none. */
  readonly state?: string;
  readonly transport?: string | null;
  /** RFC 3339. */
  readonly created?: string;
  readonly inboundBytes?: number;
  readonly outboundBytes?: number;
}

export interface SessionTable {
  list(): readonly SessionFacts[];
  /** False: there is none of this id. */
  kick(id: string): boolean;
}

/** Undefined while the server is switched off. */
export interface SessionTables {
  rtspSessions(): SessionTable | undefined;
  rtspsSessions(): SessionTable | undefined;
  webrtcSessions(): SessionTable | undefined;
  hlsSessions(): SessionTable | undefined;
}

/** The ports that clients come to; 0: closed. */
export interface LocalPorts {
  readonly rtsp: number;
  readonly rtsps: number;
  readonly webrtc: number;
  readonly hls: number;
}

/** A session in ZLMediaKit's words. */
export interface SessionItem extends OriginSocket {
  readonly id: string;
  readonly type: 'tcp' | 'udp';
  readonly typeid: string;
}

/** A session with what its server tells of it. */
export interface Listed {
  readonly table: SessionTable;
  readonly facts: SessionFacts;
  readonly item: SessionItem;
}

export interface SessionFilter {
  readonly localPort?: string | undefined;
  readonly peerIp?: string | undefined;
}

/** All sessions, whatever their protocol. */
export class Sessions {
  readonly #tables: SessionTables;
  readonly #ports: () => LocalPorts;

  constructor(tables: SessionTables, ports: () => LocalPorts) {
    this.#tables = tables;
    this.#ports = ports;
  }

  list(filter: SessionFilter = {}): readonly SessionItem[] {
    return this.#matching(filter).map(({ item }) => item);
  }

  /** @returns how many have gone */
  kickAll(filter: SessionFilter): number {
    return this.#matching(filter).filter(({ table, item }) => table.kick(item.id)).length;
  }

  kick(id: string): boolean {
    return (
      this.all()
        .find(({ item }) => item.id === id)
        ?.table.kick(id) ?? false
    );
  }

  #matching({ localPort, peerIp }: SessionFilter): readonly Listed[] {
    return this.all().filter(({ item }) => {
      const isWanted = localPort === undefined || String(item.local_port) === localPort;
      return isWanted && (peerIp === undefined || item.peer_ip === peerIp);
    });
  }

  all(): readonly Listed[] {
    const { rtsp, rtsps, webrtc, hls } = this.#ports();
    const of = (table: SessionTable | undefined, typeid: string, port: number) =>
      table ? table.list().map((facts) => ({ table, facts, item: itemOf(facts, typeid, port) })) : [];
    const tables = this.#tables;
    return [
      ...of(tables.rtspSessions(), 'RtspSession', rtsp),
      ...of(tables.rtspsSessions(), 'RtspSession', rtsps),
      ...of(tables.webrtcSessions(), 'WebRtcSession', webrtc),
      ...of(tables.hlsSessions(), 'HttpSession', hls),
    ];
  }
}

function itemOf({ id, remoteAddr = '', transport }: SessionFacts, typeid: string, port: number): SessionItem {
  const [, host = '', peerPort = '0'] = /^(.*):(\d+)$/.exec(remoteAddr) ?? [];
  const isUdp = typeid === 'WebRtcSession' || transport?.startsWith('UDP') === true;
  return {
    id,
    type: isUdp ? 'udp' : 'tcp',
    typeid,
    peer_ip: host.replace(/^\[(.*)\]$/, '$1'),
    peer_port: Number(peerPort),
    local_ip: '',
    local_port: port,
    identifier: id,
  };
}
