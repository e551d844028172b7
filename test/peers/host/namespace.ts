import { runProcess } from '../programs/process.ts';

/** A separate network, with a cable to ours: multicast, other addresses and pulled cables are real there. */
export interface Namespace extends AsyncDisposable {
  readonly name: string;
  /** IP address of this end of the cable. */
  readonly hostIp: string;
  /** IP address of the other end. */
  readonly ip: string;
  /** Interface at this end of the cable. */
  readonly hostInterface: string;
  readonly farInterface: string;
  /** Plugs the cable in or pulls it, at the other end: ours sees no carrier. */
  plug(isIn: boolean): Promise<void>;
  /** Removes the other end's address or restores it; the cable stays connected. */
  give(hasAddress: boolean): Promise<void>;
  /** Gives the other end another address instead of its first. @returns the new one */
  move(): Promise<string>;
}

export interface NamespaceOptions {
  /** The MTU of the cable; default: 1500. */
  readonly mtuBytes?: number;
  /** The cable begins in that network instead of ours: it becomes a router between us and this one. */
  readonly behind?: Namespace;
}

let count = 0;

const NETWORKS = 250;

async function run(command: string, ...args: readonly string[]): Promise<void> {
  const { code, output } = await runProcess(command, args);
  if (code !== 0) {
    throw new Error(`${command} ${args.join(' ')}: ${output}`);
  }
}

const ip = (...args: readonly string[]): Promise<void> => run('ip', ...args);

/** Concurrent test files have separate networks, selected by the name of their veth pair. */
async function addCable(own: number) {
  for (let i = 0; i < NETWORKS; i += 1) {
    const number = (process.pid + own * 37 + i) % NETWORKS;
    const [hostInterface, farInterface] = [`pa18x${number}`, `pb18x${number}`];
    const added = ['link', 'add', hostInterface, 'type', 'veth', 'peer', 'name', farInterface];
    const { code, output } = await runProcess('ip', added);
    if (code === 0) {
      // RFC 2544 §C.2.2: addresses for tests.
      return { net: `198.18.${number}`, hostInterface, farInterface };
    }
    if (!output.includes('File exists')) {
      throw new Error(`ip ${added.join(' ')}: ${output}`);
    }
  }
  throw new Error(`${NETWORKS} networks of tests are there: those of tests that were killed are left over`);
}

/** Needs root, and `ip` (Debian: iproute2). */
export async function openNamespace({ mtuBytes = 1_500, behind }: NamespaceOptions = {}): Promise<Namespace> {
  count += 1;
  const own = count;
  const name = `perch-${process.pid}-${own}`;
  const near = behind ? ['-n', behind.name] : [];
  const far = ['-n', name];
  await ip('netns', 'add', name);
  const { net, hostInterface, farInterface } = await addCable(own);
  const [hostIp, farIp] = [`${net}.1`, `${net}.2`];
  await ip('link', 'set', farInterface, 'netns', name);
  if (behind) {
    await ip('link', 'set', hostInterface, 'netns', behind.name);
    await run('ip', 'netns', 'exec', behind.name, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
  }
  await ip(...near, 'addr', 'add', `${hostIp}/24`, 'dev', hostInterface);
  await ip(...near, 'link', 'set', hostInterface, 'mtu', `${mtuBytes}`, 'up');
  if (behind) {
    await ip('route', 'add', `${net}.0/24`, 'via', behind.ip);
  }
  await ip(...far, 'link', 'set', 'lo', 'up');
  await ip(...far, 'addr', 'add', `${farIp}/24`, 'dev', farInterface);
  const plugIn = async () => {
    await ip(...far, 'link', 'set', farInterface, 'mtu', `${mtuBytes}`, 'up');
    // Multicast uses it as well. The route is removed with the link, and with the address.
    await ip(...far, 'route', 'add', 'default', 'via', hostIp);
  };
  await plugIn();
  return {
    name,
    hostIp,
    ip: farIp,
    hostInterface,
    farInterface,
    plug: (isIn) => (isIn ? plugIn() : ip(...far, 'link', 'set', farInterface, 'down')),
    give: async (hasAddress) => {
      await ip(...far, 'addr', hasAddress ? 'add' : 'del', `${farIp}/24`, 'dev', farInterface);
      if (hasAddress) {
        await ip(...far, 'route', 'add', 'default', 'via', hostIp);
      }
    },
    move: async () => {
      const movedIp = `${net}.3`;
      await ip(...far, 'addr', 'del', `${farIp}/24`, 'dev', farInterface);
      await ip(...far, 'addr', 'add', `${movedIp}/24`, 'dev', farInterface);
      await ip(...far, 'route', 'add', 'default', 'via', hostIp);
      return movedIp;
    },
    async [Symbol.asyncDispose]() {
      if (behind) {
        await ip('route', 'del', `${net}.0/24`);
      }
      await ip(...near, 'link', 'del', hostInterface);
      await ip('netns', 'del', name);
    },
  };
}

/**
 * The link-local IPv6 address of a network interface, once the kernel has finished duplicate address detection.
 * @param network options of `ip` that name its namespace
 */
export async function linkLocal(network: readonly string[], device: string): Promise<string> {
  for (;;) {
    const shown = await runProcess('ip', [
      ...network,
      '-6',
      '-o',
      'addr',
      'show',
      'dev',
      device,
      'scope',
      'link',
      '-tentative',
    ]);
    const address = /inet6 (fe80:[0-9a-f:]+)/.exec(shown.output)?.[1];
    if (address !== undefined) {
      return address;
    }
  }
}
