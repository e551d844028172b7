import { mkdtempSync, rmSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type RunningProcess, runProcess, startProcess } from '../programs/process.ts';

const DOUBLES = join(import.meta.dirname, 'router');
const BUSYBOX = '/bin/busybox';
/** The disk is a file of this size. */
const DISK_MEGABYTES = 700;

/**
 * A root in memory with only a static busybox and stand-ins for OpenWrt's base, with a separate network and a disk (ext4) that can be
 * mounted at /mnt/sda1. Needs the superuser.
 */
export interface Router {
  /** Its root as seen from here. */
  readonly root: string;
  /** Runs in its busybox, as root. @throws with the output on failure */
  run(command: string): Promise<string>;
  /** @returns exit code and output; does not throw */
  attempt(command: string): Promise<{ readonly code: number | null; readonly output: string }>;
  /** The last requests to procd, each call as its words. */
  asked(): Promise<string[][]>;
  /** Starts the requested service like procd. */
  startAsked(): Promise<RunningProcess>;
  /** Starts a program on the router as the user perch. */
  start(command: readonly string[], env: readonly string[]): RunningProcess;
  /** Requests a page of the router over its own network. @param login `name:password` */
  get(path: string, login?: string): Promise<{ readonly status: number; readonly body: string }>;
  mountDisk(): Promise<void>;
  unmountDisk(): Promise<void>;
}

/** Starts a router, which is removed at the end of the test, also of a failed one. */
export async function startRouter(): Promise<Router> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-router-'));
  const image = `${folder}.disk`;
  // The namespaces last as long as this process: mounts and network end with it.
  const holder = startProcess('unshare', [
    '--mount',
    '--net',
    '--propagation',
    'private',
    'sh',
    '-ec',
    SET_UP,
    folder,
    image,
  ]);
  await holder.waitFor(/ready/);
  const inside = ['-t', String(holder.pid), '--mount', '--net'];
  const chroot = (user: string, env: readonly string[], command: readonly string[]): string[] => [
    ...inside,
    ...['chroot', `--userspec=${user}`, folder, '/bin/env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', ...env],
    ...command,
  ];
  const root = `/proc/${holder.pid}/root${folder}`;
  const attempt = (command: string) => runProcess('nsenter', chroot('0:0', [], ['/bin/sh', '-c', command]));
  const outside = (command: string) => checked(runProcess('nsenter', [...inside, 'sh', '-ec', command]), command);
  const asked = async () =>
    (await readFile(join(root, 'tmp/procd'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
  // Like procd: the user's number is taken from the router's own list.
  const started: RunningProcess[] = [];
  const start = (command: readonly string[], env: readonly string[]) => {
    const running = startProcess('nsenter', chroot('65536:65536', env, command));
    started.push(running);
    return running;
  };
  onTestFinished(async () => {
    // Running programs would keep the mounts.
    await Promise.all([...started, holder].map((running) => running.stop('SIGKILL')));
    rmSync(folder, { recursive: true });
    rmSync(image, { force: true });
  });
  await furnish(root);
  await outside(`chroot ${folder} /bin/busybox --install -s /bin`);
  return {
    root,
    attempt,
    run: (command) => checked(attempt(command), command),
    asked,
    start,
    startAsked: async () => {
      const calls = await asked();
      const wordsOf = (name: string) =>
        calls
          .filter(([call, what]) => /^(?:set|append)_param$/.test(call ?? '') && what === name)
          .flatMap((call) => call.slice(2));
      return start(wordsOf('command'), wordsOf('env'));
    },
    get: async (path, login) => {
      const user = login === undefined ? [] : ['-u', login];
      const curl = ['curl', '-sL', '-m', '10', ...user, '-w', '\n%{http_code}', `http://127.0.0.1:8080${path}`];
      const { output } = await runProcess('nsenter', [...inside, ...curl]);
      const end = output.lastIndexOf('\n');
      return { status: Number(output.slice(end + 1)), body: output.slice(0, end) };
    },
    mountDisk: async () => void (await outside(`mount -o loop ${image} ${folder}/mnt/sda1`)),
    unmountDisk: async () => void (await outside(`umount ${folder}/mnt/sda1`)),
  };
}

const SET_UP = `
mount -t tmpfs -o size=600m,mode=755 router "$0"
cd "$0"
mkdir -p bin dev proc tmp mnt/sda1
mount -t proc proc proc
mount --bind /dev dev
mount -t tmpfs -o mode=1777 tmp tmp
truncate -s ${DISK_MEGABYTES}M "$1"
mkfs.ext4 -q -F "$1"
ip link set lo up
ip route add default dev lo
echo ready
exec sleep infinity
`;

async function furnish(root: string): Promise<void> {
  const folders = ['etc/config', 'etc/rc.d', 'lib/functions', 'var/run', 'root', 'sbin', 'usr/bin', 'usr/sbin'];
  for (const folder of folders) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await cp(BUSYBOX, join(root, 'bin/busybox'));
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/ash\n');
  await writeFile(join(root, 'etc/group'), 'root:x:0:\n');
  const doubles = {
    'rc.common': 'etc/rc.common',
    'functions.sh': 'lib/functions.sh',
    opkg: 'sbin/opkg',
    uci: 'sbin/uci',
  };
  for (const [name, to] of Object.entries(doubles)) {
    await cp(join(DOUBLES, name), join(root, to));
  }
}

async function checked(done: Promise<{ code: number | null; output: string }>, what: string): Promise<string> {
  const { code, output } = await done;
  if (code !== 0) {
    throw new Error(`${what} ended with ${code}:\n${output}`);
  }
  return output;
}
