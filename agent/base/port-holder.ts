import { readdir, readFile, readlink } from 'node:fs/promises';

interface PortHolder {
  readonly name: string;
  readonly pid: number;
}

const LISTEN_STATE = '0A';
const PROCESSES_LIMIT = 4096;
const FILES_LIMIT = 4096;

/** The process that listens on a TCP port. Best effort: Linux only; other users' processes are visible only to root. */
export async function holderOf(port: number): Promise<PortHolder | undefined> {
  const inodes = new Set([
    ...(await listeningInodes('/proc/net/tcp', port)),
    ...(await listeningInodes('/proc/net/tcp6', port)),
  ]);
  if (inodes.size === 0) {
    return undefined;
  }
  const pids = (await entriesOf('/proc')).filter((name) => /^\d+$/.test(name)).slice(0, PROCESSES_LIMIT);
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
  const files = (await entriesOf(`/proc/${pid}/fd`)).slice(0, FILES_LIMIT);
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
