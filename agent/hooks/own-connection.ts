import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Endpoint } from '../base/network/ip-address.ts';
import { processIds, readStat } from './process-group.ts';

/** Both ends of a local connection; IPv4 as `127.0.0.1`, even on an IPv6 socket. */
export interface LocalConnection {
  readonly client: Endpoint;
  readonly server: Endpoint;
}

/** The kernel's notation: words of four bytes in host order. Little-endian only; elsewhere nothing is found. */
const PLACES: Readonly<Record<string, readonly (readonly [table: string, address: string])[]>> = {
  '127.0.0.1': [
    ['/proc/net/tcp', '0100007F'],
    ['/proc/net/tcp6', '0000000000000000FFFF00000100007F'],
  ],
  '::1': [['/proc/net/tcp6', '00000000000000000000000001000000']],
};

/**
 * Whether the client of a local connection is in one of these process groups: such a program needs no password, which
 * other users of the box could read in ffmpeg's arguments. Linux only. Compares both ends: another program may have
 * the same client address and port towards another port.
 */
export function isOwnConnection(groups: readonly number[], { client, server }: LocalConnection): boolean {
  for (const [table, address] of server.ip === client.ip ? (PLACES[client.ip] ?? []) : []) {
    const inode = inodeOf(table, `${address}:${hex(client.port)}`, `${address}:${hex(server.port)}`);
    if (inode !== undefined) {
      const socket = `socket:[${inode}]`;
      const own = processIds().filter((pid) => groups.includes(readStat(pid)?.group ?? 0));
      return own.some((pid) => filesOf(pid).includes(socket));
    }
  }
  return false;
}

const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');

/**
 * proc_net_tcp(5): number, local address, remote address, state, …; the tenth field is the inode, 0 after the program
 * has closed it.
 */
function inodeOf(table: string, local: string, remote: string): string | undefined {
  const line = linesOf(table).find((one) => one.includes(` ${local} ${remote} `));
  const inode = line?.trim().split(/\s+/)[9];
  return inode === '0' ? undefined : inode;
}

function linesOf(table: string): readonly string[] {
  try {
    return readFileSync(table, 'latin1').split('\n');
  } catch {
    return [];
  }
}

function filesOf(pid: number): readonly string[] {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).flatMap((name) => linkOf(`${folder}/${name}`));
  } catch {
    return [];
  }
}

function linkOf(file: string): readonly string[] {
  try {
    return [readlinkSync(file)];
  } catch {
    return [];
  }
}
