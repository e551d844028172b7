import { join } from 'node:path';
import { runProcess, startProcess } from '../programs/process.ts';
import type { Namespace } from './namespace.ts';

const LINK = join(import.meta.dirname, 'far-link.py');
const NETWORKS = 250;
let count = 0;

interface FarLink {
  readonly roundTripMs: number;
  /** Of each direction. */
  readonly lossPercent: number;
}

/** A separate network behind a long cable that loses packets. Needs root, `ip` and `/dev/net/tun`. */
export async function openFarNetwork({
  roundTripMs,
  lossPercent,
}: FarLink): Promise<Pick<Namespace, 'name' | 'ip' | 'hostIp' | 'plug'> & AsyncDisposable> {
  count += 1;
  const name = `perch-${process.pid}-far${count}`;
  // RFC 6598: addresses behind a carrier's NAT, which no network of tests has.
  const net = `100.64.${(process.pid + count * 37) % NETWORKS}`;
  const [hostIp, ip] = [`${net}.1`, `${net}.2`];
  const { code, output } = await runProcess('ip', ['netns', 'add', name]);
  if (code !== 0) {
    throw new Error(`ip netns add ${name}: ${output}`);
  }
  const args = [name, `pf${process.pid}x${count}`, hostIp, ip, `${roundTripMs / 2}`, `${lossPercent}`];
  const running = startProcess('/usr/bin/python3', [LINK, ...args]);
  await running.waitFor(/^ready$/m);
  let said = 0;
  return {
    ...{ name, hostIp, ip },
    plug: async (isIn) => {
      said += 1;
      running.child.stdin.write(isIn ? 'in\n' : 'out\n');
      await running.waitFor(new RegExp(`(^(in|out)$[^]*?){${said}}`, 'm'));
    },
    async [Symbol.asyncDispose]() {
      running.child.stdin.end();
      await running.exited;
      await runProcess('ip', ['netns', 'del', name]);
    },
  };
}
