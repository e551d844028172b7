import { runProcess } from './process.ts';

/** A network of its own, with a cable to ours: multicast, other addresses and pulled cables are real there. */
export interface Namespace extends AsyncDisposable {
  readonly name: string;
  /** Ours on the cable. */
  readonly hostIp: string;
  /** The other end's. */
  readonly ip: string;
  /** Our end of the cable. */
  readonly hostInterface: string;
  /** Plugs the cable in or pulls it, at the other end: ours sees no carrier. */
  plug(isIn: boolean): Promise<void>;
}

let count = 0;

async function ip(...args: readonly string[]): Promise<void> {
  const { code, output } = await runProcess('ip', args);
  if (code !== 0) {
    throw new Error(`ip ${args.join(' ')}: ${output}`);
  }
}

/** Needs root, and `ip` (Debian: iproute2). */
export async function openNamespace(): Promise<Namespace> {
  count += 1;
  const name = `perch-${process.pid}-${count}`;
  const hostInterface = `pa${process.pid}x${count}`;
  const farInterface = `pb${process.pid}x${count}`;
  // RFC 2544 §C.2.2: addresses for tests.
  const net = `198.18.${(process.pid + count * 37) % 250}`;
  const [hostIp, farIp] = [`${net}.1`, `${net}.2`];
  const far = ['netns', 'exec', name, 'ip'];
  await ip('netns', 'add', name);
  await ip('link', 'add', hostInterface, 'type', 'veth', 'peer', 'name', farInterface);
  await ip('link', 'set', farInterface, 'netns', name);
  await ip('addr', 'add', `${hostIp}/24`, 'dev', hostInterface);
  await ip('link', 'set', hostInterface, 'up');
  await ip(...far, 'addr', 'add', `${farIp}/24`, 'dev', farInterface);
  const plugIn = async () => {
    await ip(...far, 'link', 'set', farInterface, 'up');
    // Groups go this way too. The route goes with the link.
    await ip(...far, 'route', 'add', 'default', 'via', hostIp);
  };
  await plugIn();
  await ip(...far, 'link', 'set', 'lo', 'up');
  return {
    name,
    hostIp,
    ip: farIp,
    hostInterface,
    plug: (isIn) => (isIn ? plugIn() : ip(...far, 'link', 'set', farInterface, 'down')),
    async [Symbol.asyncDispose]() {
      await ip('link', 'del', hostInterface);
      await ip('netns', 'del', name);
    },
  };
}
