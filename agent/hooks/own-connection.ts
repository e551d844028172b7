import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { processIds, readStat } from './process-group.ts';

/** As `/proc/net/tcp` writes them: each word of four bytes in the machine's order, here little-endian; elsewhere nothing is found. */
const LOOPBACK = /^(?:0100007F|0{24}01000000|0{16}FFFF00000100007F)$/;

/**
 * Whether the client of a connection on this machine is a program of one of these process groups. What nobody else can be needs no
 * password, which other users of the machine could read among ffmpeg's arguments. (Linux; elsewhere nobody is found.)
 * @param clientPort its own, @param serverPort the one that it has connected to
 */
export function isOwnConnection(groups: readonly number[], clientPort: number, serverPort: number): boolean {
  const sockets = new Set(
    [...inodesOf('/proc/net/tcp', clientPort, serverPort), ...inodesOf('/proc/net/tcp6', clientPort, serverPort)].map(
      (inode) => `socket:[${inode}]`,
    ),
  );
  if (sockets.size === 0) {
    return false;
  }
  const own = processIds().filter((pid) => groups.includes(readStat(pid)?.group ?? 0));
  return own.some((pid) => filesOf(pid).some((file) => sockets.has(file)));
}

/** proc_net_tcp: number, local address, remote address, state, …; the tenth field is the inode. */
function inodesOf(table: string, clientPort: number, serverPort: number): readonly string[] {
  return linesOf(table).flatMap((line) => {
    const [, local = '', remote = '', , , , , , , inode = '0'] = line.trim().split(/\s+/);
    const isMeant = hexPort(local) === clientPort && hexPort(remote) === serverPort && isLoopback(remote);
    return isMeant && inode !== '0' ? [inode] : [];
  });
}

function linesOf(table: string): readonly string[] {
  try {
    return readFileSync(table, 'latin1').split('\n').slice(1);
  } catch {
    return [];
  }
}

const hexPort = (address: string): number => Number.parseInt(address.split(':')[1] ?? '', 16);
const isLoopback = (address: string): boolean => LOOPBACK.test(address.split(':')[0] ?? '');

function filesOf(pid: number): readonly string[] {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).flatMap((name) => linkOf(`${folder}/${name}`));
  } catch {
    // It has gone, or become another user's.
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
