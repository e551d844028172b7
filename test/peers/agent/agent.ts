import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePorts, freeUdpPair } from '../../support/base/free-port.ts';
import { setupCodeOf } from '../../support/base/setup-code.ts';
import { type RunningProcess, startProcess } from '../programs/process.ts';

const IS_SHORT = process.env['VITEST'] !== undefined && (process.env['PERCH_LENGTH'] ?? 'short') === 'short';

/** Node's arguments for Perch's program: the bundle of built-agent.ts, or the sources. In the short length it hashes passwords cheaply. */
export const AGENT: readonly string[] = [
  '--disable-warning=ExperimentalWarning',
  ...(IS_SHORT ? ['--require', join(import.meta.dirname, 'cheap-hashes.cjs')] : []),
  resolve(process.env['BUILT_AGENT'] ?? join(import.meta.dirname, '../../../agent/main.ts')),
];

export const OWNER_PASSWORD = 'a small bird by the river';

export interface AgentOptions {
  /** More of the configuration, appended to the ports. Without it the agent has no file: its own setup. */
  readonly config?: string;
  /** The file of its own setup at its first start, for one without `config`. Without a camera there Perch runs its demo camera, which takes a twentieth of a core. */
  readonly own?: string;
  /** An existing data folder; without it a fresh one, removed at the end. */
  readonly dataDir?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Its working directory. */
  readonly cwd?: string;
  /** Flags of its Node. */
  readonly flags?: readonly string[];
  /** The ports of an earlier agent, so that its page finds this one. */
  readonly ports?: Agent['ports'];
  /** It is claimed; `headers` and `json` are the owner's. */
  readonly isOwned?: boolean;
  /** The address of the listeners; default: loopback. */
  readonly host?: string;
  /** Addresses that replace the default ones, by key. @param ports the free ports */
  readonly listen?: (ports: Agent['ports']) => Readonly<Record<string, string>>;
}

/** A real agent in a separate process, on free ports of loopback. */
export interface Agent extends AsyncDisposable {
  readonly process: RunningProcess;
  readonly dataDir: string;
  /** Main port: `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
  readonly ports: {
    readonly main: number;
    readonly webrtc: number;
    readonly hls: number;
    readonly playback: number;
    readonly api: number;
    /** UDP and TCP. */
    readonly media: number;
    readonly rtsp: number;
    readonly rtsps: number;
    readonly rtmp: number;
    readonly rtmps: number;
    /** UDP; RTCP is on the next port. */
    readonly rtp: number;
  };
  /** The owner's session; none without `isOwned`. */
  readonly headers: Readonly<Record<string, string>>;
  /** `rtsp://127.0.0.1:PORT/PATH`. */
  rtspUrl(path: string): string;
  json<T>(path: string): Promise<T>;
}

/** The addresses of a configuration. */
export function addresses(
  ports: Agent['ports'],
  { host = '127.0.0.1', listen }: AgentOptions = {},
): Record<string, string> {
  return {
    address: `${host}:${ports.main}`,
    webrtcAddress: `${host}:${ports.webrtc}`,
    webrtcLocalUDPAddress: `${host}:${ports.media}`,
    webrtcLocalTCPAddress: `${host}:${ports.media}`,
    hlsAddress: `${host}:${ports.hls}`,
    playbackAddress: `${host}:${ports.playback}`,
    apiAddress: `${host}:${ports.api}`,
    // On by default in Perch's own setup.
    metricsAddress: `${host}:0`,
    rtspAddress: `${host}:${ports.rtsp}`,
    rtspsAddress: `${host}:${ports.rtsps}`,
    rtmpAddress: `${host}:${ports.rtmp}`,
    rtmpsAddress: `${host}:${ports.rtmps}`,
    rtpAddress: `${host}:${ports.rtp}`,
    rtcpAddress: `${host}:${ports.rtp + 1}`,
    // UDP; SETUP names the ports in use.
    srtpAddress: `${host}:0`,
    srtcpAddress: `${host}:0`,
    srtAddress: `${host}:0`,
    // Agents of tests do not announce themselves in the local network.
    mdns: 'no',
    // Concurrent agents would share one port for it; on loopback they have none.
    ...(host === '127.0.0.1' ? {} : { tlsAddress: '' }),
    ...listen?.(ports),
  };
}

/** WebRTC's media by every address of this machine, of both families. */
export const mediaEverywhere = ({ media }: Agent['ports']): Readonly<Record<string, string>> => ({
  webrtcLocalUDPAddress: `:${media}`,
  webrtcLocalTCPAddress: `:${media}`,
});

/** Browsers that share two cores with others need more than two seconds for their first picture, which would be dropped. */
export const PATIENT = 'webrtcTrackGatherTimeout: 20s\n';

/** Free ports for a configuration that names its own. */
export async function freeAgentPorts(): Promise<Agent['ports']> {
  const [main = 0, webrtc = 0, hls = 0, playback = 0, api = 0, media = 0, rtsp = 0, rtsps = 0, ...rtmp] =
    await freePorts(10);
  const [rtp] = await freeUdpPair();
  return { main, webrtc, hls, playback, api, media, rtsp, rtsps, rtmp: rtmp[0] ?? 0, rtmps: rtmp[1] ?? 0, rtp };
}

export async function startAgent(options: AgentOptions = {}): Promise<Agent> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'perch-test-'));
  const ports = options.ports ?? (await freeAgentPorts());
  const args = [...(options.flags ?? []), ...AGENT, '--data', dataDir];
  let env: NodeJS.ProcessEnv = { ...options.env };
  const own = join(dataDir, 'perch.yml');
  if (options.own !== undefined && !existsSync(own)) {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    writeFileSync(own, options.own);
  }
  if (options.config === undefined) {
    const prefixed = Object.entries(addresses(ports, options));
    env = { ...Object.fromEntries(prefixed.map(([key, value]) => [`PERCH_${key.toUpperCase()}`, value])), ...env };
  } else {
    const file = join(dataDir, 'test.yml');
    const lines = Object.entries(addresses(ports, options)).map(([key, value]) => `${key}: '${value}'\n`);
    writeFileSync(file, lines.join('') + options.config);
    args.push(file);
  }
  const running = startProcess(process.execPath, args, env, options.cwd);
  const url = `http://127.0.0.1:${ports.main}`;
  await running.waitFor(/Perch is at http/);
  const owner = options.isOwned ? ownerOf(url, dataDir) : Promise.resolve({});
  const headers = await owner.catch(async (error: unknown) => {
    await running.stop('SIGKILL');
    throw error;
  });
  return {
    process: running,
    dataDir,
    url,
    port: ports.main,
    ports,
    headers,
    rtspUrl: (path) => `rtsp://127.0.0.1:${ports.rtsp}/${path}`,
    json: async <T>(path: string) => {
      const response = await fetch(`${url}${path}`, { headers });
      if (!response.ok) {
        throw new Error(`${path}: ${response.status} ${await response.text()}`);
      }
      return (await response.json()) as T;
    },
    async [Symbol.asyncDispose]() {
      await running.stop('SIGINT');
      if (options.dataDir === undefined) {
        rmSync(dataDir, { recursive: true, force: true });
      }
    },
  };
}

/** Claims the box with its setup code, or by `perch claim` where clients of the network may not claim it. @returns the headers of the owner's session */
export async function ownerOf(url: string, dataDir: string): Promise<Record<string, string>> {
  const { mayClaim } = (await (await fetch(`${url}/v3/session`)).json()) as { readonly mayClaim: boolean };
  if (!mayClaim) {
    const claiming = startProcess(process.execPath, [...AGENT, 'claim', '--data', dataDir]);
    claiming.child.stdin.end(`${OWNER_PASSWORD}\n`);
    if ((await claiming.exited) !== 0) {
      throw new Error(`it took no owner: ${claiming.output()}`);
    }
  }
  const setupCode = mayClaim ? setupCodeOf({ dataDir }) : undefined;
  const path = mayClaim ? '/v3/claim' : '/v3/session';
  const answer = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ password: OWNER_PASSWORD, setupCode }),
  });
  if (!answer.ok) {
    throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  }
  return { cookie: answer.headers.getSetCookie()[0]?.split(';')[0] ?? '', 'sec-fetch-site': 'same-origin' };
}

/** Less than a test's own timeout, so that the error names the condition. */
const PATIENCE_MS = IS_SHORT ? 90_000 : Number.POSITIVE_INFINITY;

/** Repeats `probe` until it returns a value. */
export async function until<T>(probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const beginMs = performance.now();
  for (;;) {
    const found = await probe();
    if (found !== undefined) {
      return found;
    }
    if (performance.now() - beginMs > PATIENCE_MS) {
      throw new Error(`not so within ${PATIENCE_MS / 1000} s: ${probe}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
