import { runProcess } from '../programs/process.ts';
import { ownProcesses } from './left-networks.ts';

/** One of several machines in a network. */
export interface Machine {
  /** Name of the machine's network namespace. */
  readonly name: string;
  readonly ip: string;
}

/** A network of several machines and this one, joined by a switch. */
export interface SharedNetwork extends AsyncDisposable {
  readonly hostIp: string;
  readonly machines: readonly [Machine, Machine];
  /** Both get the other's address without an announcement: every ARP entry for them is stale from then on. */
  swap(): Promise<void>;
}

let count = 0;

async function ip(...args: readonly string[]): Promise<void> {
  const { code, output } = await runProcess('ip', args);
  if (code !== 0) {
    throw new Error(`ip ${args.join(' ')}: ${output}`);
  }
}

/** Needs root, and `ip` (Debian: iproute2). */
export async function openSharedNetwork(): Promise<SharedNetwork> {
  count += 1;
  const name = `${process.pid}x${count}`;
  const bridge = `ps${name}`;
  const cables: string[] = [];
  // RFC 2544 §C.2.2: addresses for tests; the half that `openNamespace` does not use.
  const net = `198.19.${(process.pid + count * 37) % 250}`;
  const machines = [
    { name: `perch-${name}-1`, ip: `${net}.2` },
    { name: `perch-${name}-2`, ip: `${net}.3` },
  ] as const;
  await ip('link', 'add', bridge, 'type', 'bridge');
  await ip('link', 'set', bridge, 'alias', ownProcesses());
  await ip('addr', 'add', `${net}.1/24`, 'dev', bridge);
  await ip('link', 'set', bridge, 'up');
  for (const [i, machine] of machines.entries()) {
    const cable = `pc${name}x${i}`;
    cables.push(cable);
    await ip('netns', 'add', machine.name);
    await ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', machine.name);
    await ip('link', 'set', cable, 'master', bridge, 'up');
    await ip('-n', machine.name, 'link', 'set', 'lo', 'up');
    await ip('-n', machine.name, 'link', 'set', 'eth0', 'up');
    await take(machine.name, machine.ip);
  }
  /** The route is removed with the address. Multicast uses it, too. */
  async function take(machine: string, address: string): Promise<void> {
    await ip('-n', machine, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    await ip('-n', machine, 'route', 'add', 'default', 'via', `${net}.1`);
  }
  return {
    hostIp: `${net}.1`,
    machines,
    swap: async () => {
      const [one, other] = machines;
      await Promise.all(
        machines.map((machine) => ip('-n', machine.name, 'addr', 'flush', 'dev', 'eth0', 'scope', 'global')),
      );
      await Promise.all([take(one.name, other.ip), take(other.name, one.ip)]);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([bridge, ...cables].map((device) => ip('link', 'del', device)));
      for (const machine of machines) {
        await ip('netns', 'del', machine.name);
      }
    },
  };
}
