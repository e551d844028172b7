import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AGENT, addresses, freeAgentPorts, OWNER_PASSWORD } from '../agent/agent.ts';
import { runProcess, startProcess } from '../programs/process.ts';
import { type Namespace, openNamespace } from './namespace.ts';

/** A home whose router masquerades what goes out and lets nothing in. */
export interface Home extends AsyncDisposable {
  /** Between this machine, which is the Internet, and the home. */
  readonly router: Namespace;
  readonly box: Namespace;
}

const INSIDE = 'add table ip home';
const NAT = (outside: string): string =>
  [
    INSIDE,
    'add chain ip home out { type nat hook postrouting priority 100; }',
    `add rule ip home out oifname "${outside}" masquerade`,
    'add chain ip home through { type filter hook forward priority 0; policy drop; }',
    'add rule ip home through ct state established,related accept',
    `add rule ip home through oifname "${outside}" accept`,
  ].join('; ');

/** Needs root, `ip` and `nft`. */
export async function openHome(): Promise<Home> {
  await using stack = new AsyncDisposableStack();
  const router = stack.use(await openNamespace());
  const box = stack.use(await openNamespace({ behind: router }));
  const { code, output } = await runProcess('ip', ['netns', 'exec', router.name, 'nft', NAT(router.farInterface)]);
  if (code !== 0) {
    throw new Error(`nft: ${output}`);
  }
  const kept = stack.move();
  return { router, box, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** A box in a home. Its owner is there, too. */
export interface FarBox extends AsyncDisposable {
  /** Its page, for clients outside, if they could reach it. */
  readonly url: string;
  readonly dataDir: string;
  output(): string;
  /** A request of the owner's page, at home. @throws Error for a failure */
  asOwner<T>(method: string, path: string, body?: object): Promise<T>;
}

interface FarBoxOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Puts files into its data folder before it starts. */
  readonly prepare?: (dataDir: string) => void;
}

export async function startFarBox({ box }: Home, { env: more, prepare }: FarBoxOptions = {}): Promise<FarBox> {
  const dataDir = mkdtempSync(join(tmpdir(), 'perch-far-'));
  prepare?.(dataDir);
  const ports = await freeAgentPorts();
  const env = Object.entries(addresses(ports, { host: '0.0.0.0' })).map(([key, value]) => [
    `PERCH_${key.toUpperCase()}`,
    value,
  ]);
  const within = ['netns', 'exec', box.name];
  const running = startProcess('ip', [...within, process.execPath, ...AGENT, '--data', dataDir], {
    ...Object.fromEntries(env),
    ...more,
  });
  await running.waitFor(/Perch is at http/);
  const claiming = startProcess(process.execPath, [...AGENT, 'claim', '--data', dataDir]);
  claiming.child.stdin.end(`${OWNER_PASSWORD}\n`);
  if ((await claiming.exited) !== 0) {
    throw new Error(`it took no owner: ${claiming.output()}`);
  }
  const cookies = join(dataDir, 'cookies');
  const ask = async (method: string, path: string, body?: object): Promise<string> => {
    const json = body ? ['-H', 'Content-Type: application/json', '-d', JSON.stringify(body)] : [];
    const curl = [
      'curl',
      '-sS',
      '--fail-with-body',
      '-H',
      'Sec-Fetch-Site: same-origin',
      '-b',
      cookies,
      '-c',
      cookies,
      '-X',
      method,
      ...json,
    ];
    const { code, output } = await runProcess('ip', [...within, ...curl, `http://127.0.0.1:${ports.main}${path}`]);
    if (code !== 0) {
      throw new Error(`${method} ${path}: ${output}`);
    }
    return output;
  };
  await ask('POST', '/v3/session', { password: OWNER_PASSWORD });
  return {
    url: `http://${box.ip}:${ports.main}`,
    dataDir,
    output: () => running.output(),
    asOwner: async <T>(method: string, path: string, body?: object) => JSON.parse(await ask(method, path, body)) as T,
    async [Symbol.asyncDispose]() {
      await running.stop('SIGINT');
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
