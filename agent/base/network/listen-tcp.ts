import { once } from 'node:events';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { type AddressInfo, isIPv6, type ListenOptions, type Server } from 'node:net';
import { PerchError } from '../errors.ts';
import { dumpServer } from '../packet-dump/dump-connections.ts';

/** Configuration keys of Perch's open TCP servers, to explain conflicts. */
const ownKeys = new Map<Server, string>();

/**
 * Listens on a TCP port. Without a host: IPv6 and IPv4 on one socket, or IPv4 alone if the box lacks IPv6.
 * @param key configuration key of the address
 * @throws PerchError with the reason and what to do
 */
export async function listenTcp(
  server: Server,
  key: string,
  address: string,
  { host, port }: { readonly host?: string | undefined; readonly port: number },
): Promise<void> {
  const open = async (where: ListenOptions): Promise<void> => {
    server.listen({ ...where, port });
    await once(server, 'listening');
  };
  try {
    if (host !== undefined) {
      await open({ host, ipv6Only: isIPv6(host) });
    } else {
      await open({ host: '::' }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EAFNOSUPPORT' && error.code !== 'EADDRNOTAVAIL') {
          throw error;
        }
        return open({ host: '0.0.0.0' });
      });
    }
  } catch (error) {
    throw await listenFailure(error, key, address, port);
  }
  dumpServer(server, dumpPrefixOf(key));
  ownKeys.set(server, key);
  server.once('close', () => ownKeys.delete(server));
}

/** MediaMTX's prefixes for the files of `dumpPackets`: `rtsp_server_conn` of `rtspAddress`. */
function dumpPrefixOf(key: string): string {
  const names: Readonly<Record<string, string>> = {
    address: 'http',
    tlsAddress: 'https',
    webrtcLocalTCPAddress: 'webrtc_tcp',
  };
  return `${names[key] ?? key.replace(/Address$/, '').toLowerCase()}_server_conn`;
}

/** Explains why a port cannot be listened on, and what to do. @param key configuration key of the address */
export async function listenFailure(error: unknown, key: string, address: string, port: number): Promise<PerchError> {
  const context = { key, address };
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    const holder = await holderOf(port);
    if (holder?.pid === process.pid) {
      return new PerchError('unavailable', `port ${port} is taken by ${ownWords(port, key)}`, context);
    }
    const who = holder === undefined ? 'another program' : `${holder.name} (process ${holder.pid})`;
    return new PerchError('unavailable', `port ${port} is taken by ${who}: stop it or change ${key}`, context);
  }
  if (code === 'EACCES') {
    const text = `port ${port} is not allowed to this user: change ${key} to a port from 1024 on`;
    return new PerchError('unavailable', text, context);
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new PerchError('unavailable', `${address} is not an address of this machine: change ${key}`, context);
  }
  return new PerchError('unavailable', `cannot listen on ${address} (${key})`, context, error);
}

/** The user must not stop the Perch that reports this. */
function ownWords(port: number, key: string): string {
  const [, other] = [...ownKeys].find(([server]) => portOf(server) === port) ?? [];
  return other === undefined || other === key
    ? `this same Perch: change ${key}`
    : `${other} of this same Perch: change ${other} or ${key}`;
}

/** Undefined once it is closing: the port is free before its last connection ends. */
const portOf = (server: Server): number | undefined => (server.address() as AddressInfo | null)?.port;

interface PortHolder {
  readonly name: string;
  readonly pid: number;
}

const LISTEN_STATE = '0A';

/** The process that listens on a TCP port. Best effort: Linux only; other users' processes are visible only to root. */
async function holderOf(port: number): Promise<PortHolder | undefined> {
  const inodes = new Set([
    ...(await listeningInodes('/proc/net/tcp', port)),
    ...(await listeningInodes('/proc/net/tcp6', port)),
  ]);
  if (inodes.size === 0) {
    return undefined;
  }
  const pids = (await entriesOf('/proc')).filter((name) => /^\d+$/.test(name)).slice(0, 4096);
  for (const pid of pids) {
    if (await holdsOne(pid, inodes)) {
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'a program');
      return { name: name.trim(), pid: Number(pid) };
    }
  }
  return undefined;
}

/** proc(5): `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode`, addresses as HEX:PORT. */
async function listeningInodes(table: string, port: number): Promise<string[]> {
  const text = await readFile(table, 'utf8').catch(() => '');
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = text.split('\n').map((line) => line.trim().split(/\s+/));
  return rows
    .filter(([, local, , state]) => local?.endsWith(wanted) && state === LISTEN_STATE)
    .map((fields) => `socket:[${fields[9]}]`);
}

async function holdsOne(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  const files = (await entriesOf(`/proc/${pid}/fd`)).slice(0, 4096);
  for (const file of files) {
    const target = await readlink(`/proc/${pid}/fd/${file}`).catch(() => '');
    if (sockets.has(target)) {
      return true;
    }
  }
  return false;
}

/** Empty if unreadable: processes end, and other users' are not accessible. */
const entriesOf = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
