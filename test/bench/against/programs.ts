import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Agent, addresses, freeAgentPorts, until } from '../../peers/agent/agent.ts';
import { type RunningProcess, startProcess } from '../../peers/programs/process.ts';
import type { ShippedServer } from '../device/shipped-server.ts';
import { cpuSeconds, pssMegabytes } from '../measure/proc.ts';
import { startCopy } from '../record/fragmented-copy.ts';

/** What a program serves. */
export interface Work {
  /** RTSP addresses by path. */
  readonly cameras: Readonly<Record<string, string>>;
  readonly records?: boolean;
  /** Has HLS of all cameras without a player, too. */
  readonly remuxes?: boolean;
}

/** A program at work. */
export interface Contender extends AsyncDisposable {
  readonly name: string;
  /** CPU time so far, seconds. */
  cpu(): number;
  /** Proportional set size, megabytes. */
  megabytes(): number;
  /** The folder with its recordings. */
  readonly folder: string;
  readonly hlsPort: number;
  whepUrl(path: string): string;
}

type Start = (work: Work, folder: string) => Promise<Omit<Contender, 'name' | 'folder'>>;

/** Perch and MediaMTX read the same configuration. */
const configOf = ({ cameras, records = false, remuxes = false }: Work): string => {
  const paths = Object.entries(cameras).map(([path, url]) => `  ${path}: { source: '${url}' }\n`);
  const settings = [
    'logLevel: warn',
    'api: yes',
    'hlsVariant: lowLatency',
    `hlsAlwaysRemux: ${remuxes ? 'yes' : 'no'}`,
  ];
  return `${settings.join('\n')}\npathDefaults: { record: ${records ? 'yes' : 'no'} }\npaths:\n${paths.join('')}`;
};

const loadOf = (pid: number) => ({ cpu: () => cpuSeconds(pid), megabytes: () => pssMegabytes(pid) });

/** @param port of the API */
async function untilReady(running: RunningProcess, port: number, count: number): Promise<void> {
  const areReady = until(async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/v3/paths/list`).catch(() => undefined);
    const { items = [] } = answer?.ok ? ((await answer.json()) as { items: { ready: boolean }[] }) : {};
    return items.filter(({ ready }) => ready).length === count || undefined;
  });
  await Promise.race([areReady, ended(running)]);
}

const ended = async (running: RunningProcess): Promise<never> => {
  throw new Error(`ended with ${await running.exited}: ${running.output()}`);
};

/** As packaged. */
const startPerch =
  (box: ShippedServer): Start =>
  async (work, dataDir) => {
    const ports = await freeAgentPorts();
    const lines = Object.entries(addresses(ports)).map(([key, value]) => `${key}: '${value}'\n`);
    const running = box.start(dataDir, lines.join('') + configOf(work));
    await untilReady(running, ports.main, Object.keys(work.cameras).length);
    return {
      ...loadOf(running.pid),
      hlsPort: ports.hls,
      whepUrl: (path) => `http://127.0.0.1:${ports.webrtc}/${path}/whep`,
      [Symbol.asyncDispose]: async () => void (await running.stop('SIGINT')),
    };
  };

/** The addresses of Perch's own keys are not MediaMTX's. */
const isMediaMtxKey = ([key]: readonly [string, string]): boolean => !['address', 'mdns', 'tlsAddress'].includes(key);

function mediaMtxAddresses(ports: Agent['ports']): string {
  const all = Object.entries(addresses(ports)).filter(isMediaMtxKey);
  // What the rows do not measure stays closed: its ports may be in use.
  const closed = ['rtmp: no', 'srt: no', 'metrics: no', 'rtspTransports: [tcp]', 'webrtcAdditionalHosts: [127.0.0.1]'];
  return [...all.map(([key, value]) => `${key}: '${value}'`), ...closed, ''].join('\n');
}

const startMediaMtx =
  (binary: string): Start =>
  async (work, folder) => {
    const ports = await freeAgentPorts();
    const file = join(folder, 'mediamtx.yml');
    const recordings = `recordPath: ${join(folder, '%path/%Y-%m-%d_%H-%M-%S-%f')}\n`;
    const config = configOf(work).replace('pathDefaults: {', `pathDefaults: { ${recordings.trim()},`);
    writeFileSync(file, mediaMtxAddresses(ports) + config);
    // In the environment: older versions reject a key that they do not know.
    const running = startProcess(binary, [file], { MTX_MOQ: 'no' }, folder);
    await untilReady(running, ports.api, Object.keys(work.cameras).length);
    return {
      ...loadOf(running.pid),
      hlsPort: ports.hls,
      whepUrl: (path) => `http://127.0.0.1:${ports.webrtc}/${path}/whep`,
      [Symbol.asyncDispose]: async () => void (await running.stop('SIGKILL')),
    };
  };

const startGo2rtc =
  (binary: string): Start =>
  async ({ cameras }, folder) => {
    const { api, media } = await freeAgentPorts();
    const streams = Object.entries(cameras).map(([path, url]) => `  ${path}: '${url}'\n`);
    const webrtc = `webrtc: { listen: ':${media}', filters: { loopback: true } }`;
    const rest = ["rtsp: { listen: '' }", "srtp: { listen: '' }", 'log: { level: warn }'];
    const file = join(folder, 'go2rtc.yaml');
    writeFileSync(
      file,
      `api: { listen: '127.0.0.1:${api}' }\n${webrtc}\n${rest.join('\n')}\nstreams:\n${streams.join('')}`,
    );
    const running = startProcess(binary, ['-config', file], {}, folder);
    const url = `http://127.0.0.1:${api}/api`;
    const isOpen = until(async () => (await fetch(url).catch(() => undefined))?.ok || undefined);
    await Promise.race([isOpen, ended(running)]);
    return {
      ...loadOf(running.pid),
      hlsPort: 0,
      whepUrl: (path) => `${url}/webrtc?src=${path}`,
      [Symbol.asyncDispose]: async () => void (await running.stop('SIGKILL')),
    };
  };

/** A process for each camera, without a server. */
const startFfmpeg =
  (binary: string): Start =>
  async ({ cameras }, folder) => {
    const copies = Object.entries(cameras).map(([path, url]) => startCopy(url, join(folder, `${path}.mp4`), binary));
    const sum = (of: (pid: number) => number): number => copies.reduce((total, { pid }) => total + of(pid), 0);
    return {
      cpu: () => sum(cpuSeconds),
      megabytes: () => sum(pssMegabytes),
      hlsPort: 0,
      whepUrl: () => '',
      [Symbol.asyncDispose]: async () => void (await Promise.all(copies.map((copy) => copy.stop('SIGKILL')))),
    };
  };

const STARTS = { mediamtx: startMediaMtx, go2rtc: startGo2rtc, ffmpeg: startFfmpeg } as const;

export type ProgramName = 'perch' | keyof typeof STARTS;

/**
 * @param list `mediamtx=/path,go2rtc=/path,ffmpeg=/path`, some of them
 * @throws Error that names the mistake
 */
export function parsePrograms(list: string): Map<string, Start> {
  const starts = new Map<string, Start>();
  for (const entry of list.split(',')) {
    const [, name = '', binary = ''] = /^(\w+)=(.+)$/.exec(entry) ?? [];
    if (!(name in STARTS)) {
      throw new Error(`--against: '${entry}' is not one of ${Object.keys(STARTS).join(', ')} with '=' and its path`);
    }
    starts.set(name, STARTS[name as keyof typeof STARTS](binary));
  }
  return starts;
}

/** Starts programs by their names: Perch as packaged, and those of the user. */
export class Programs {
  readonly #starts: ReadonlyMap<string, Start>;

  constructor(starts: ReadonlyMap<string, Start>, box: ShippedServer) {
    this.#starts = new Map([...starts, ['perch', startPerch(box)]]);
  }

  /** Those of the names that the user has. */
  known(names: readonly ProgramName[]): ProgramName[] {
    return names.filter((name) => this.#starts.has(name));
  }

  async start(name: ProgramName, work: Work): Promise<Contender> {
    const folder = mkdtempSync(join(tmpdir(), `perch-against-${name}-`));
    const started = await this.#starts.get(name)?.(work, folder);
    if (!started) {
      throw new Error(`${name} is not known`);
    }
    return {
      ...started,
      name,
      folder,
      [Symbol.asyncDispose]: async () => {
        await started[Symbol.asyncDispose]();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  }
}
