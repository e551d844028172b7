import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '../../../agent/app/app.ts';
import type { Protocols } from '../../../agent/app/protocols.ts';
import { type Clock, systemClock } from '../../../agent/base/clock.ts';
import { createLogger } from '../../../agent/base/log.ts';
import { LogLines } from '../../../agent/base/log-lines.ts';
import type { Feature } from '../../../agent/features/contract.ts';
import { type OnvifCamera, type OnvifCameraOptions, startOnvifCamera } from '../../onvif-camera/camera.ts';
import { sharedSlowFeed } from '../../onvif-camera/stream-side.ts';
import { freePorts } from '../../support/base/free-port.ts';
import { freeUdpPort } from '../../support/base/free-udp-port.ts';
import { OWNER_PASSWORD } from '../agent/agent.ts';

export { OWNER_PASSWORD } from '../agent/agent.ts';

/** Perch with its page in this process, and simulated cameras in its network. */
export interface PageHarness extends AsyncDisposable {
  readonly app: App;
  readonly folder: string;
  readonly port: number;
  readonly cameras: readonly OnvifCamera[];
  /** Every log line. */
  readonly log: readonly string[];
  /** Claims it. */
  claim(): Promise<void>;
  /** Stops it, waits for `during` and starts it again. */
  away(during: () => Promise<void>): Promise<void>;
  /** Calls the API as the owner; a failure is thrown with the response. */
  api<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Adds a person, or replaces one that another try of a test has left. */
  addUser(user: { readonly name: string; readonly password: string; readonly [right: string]: unknown }): Promise<void>;
  /** Adopts cameras, and waits for their pictures. @param chosen default: all @returns the names of their paths */
  adopt(chosen?: readonly OnvifCamera[]): Promise<readonly string[]>;
}

export interface PageHarnessOptions {
  /** One simulated camera for each item. */
  readonly cameras?: readonly OnvifCameraOptions[];
  /** More of the configuration. */
  readonly config?: string;
  /** The machine's clock, if its time differs. */
  readonly clock?: Clock;
  /** Folder of the answers of root's services; default: the system's. */
  readonly hostAnswers?: string;
  /** Default: those of Perch. */
  readonly features?: readonly Feature[];
  /** Address of the HTTPS listener; default: HTTPS is off. */
  readonly tlsAddress?: string;
  /** Default: those of Perch. */
  readonly protocols?: Protocols;
  /** Called at each start. */
  readonly version?: () => string;
}

/** start.mjs has built it from the present sources. */
const PAGE = join(import.meta.dirname, '../../../webui/dist');

/** Names of the cameras, in this order. */
const NAMES = ['Front door', 'Garden', 'Driveway', 'Barn', 'Hall', 'Gate', 'Pond', 'Attic', 'Shed'];

async function startCameras(all: readonly OnvifCameraOptions[], discoveryPort: number): Promise<OnvifCamera[]> {
  const cameras: OnvifCamera[] = [];
  for (const [i, options] of all.entries()) {
    const name = `onvif://www.onvif.org/name/${encodeURIComponent(NAMES[i % NAMES.length] ?? 'Camera')}`;
    const identity = { scopes: ['onvif://www.onvif.org/type/video_encoder', name], serial: `S${i}` };
    const feed = sharedSlowFeed();
    const requestKeyFrame = (stream: string) => feed.requestKeyFrame(stream);
    cameras.push(
      await startOnvifCamera({
        feed,
        requestKeyFrame,
        discoveryPort,
        address: `127.0.3.${i + 1}`,
        identity,
        ...options,
      }),
    );
  }
  return cameras;
}

export async function startPageHarness(options: PageHarnessOptions = {}): Promise<PageHarness> {
  const { cameras: wanted = [], config = '', clock = systemClock, hostAnswers, features } = options;
  const { version = () => 'v0.0.0', tlsAddress = '', protocols } = options;
  const folder = mkdtempSync(join(tmpdir(), 'perch-page-box-'));
  const [port = 0, media = 0, rtsp = 0] = await freePorts(3);
  const discoveryPort = await freeUdpPort();
  const cameras = await startCameras(wanted, discoveryPort);
  const addresses = `address: ':${port}'\ntlsAddress: '${tlsAddress}'\nwebrtcAddress: 127.0.0.1:0\nwebrtcLocalUDPAddress: ':${media}'\nwebrtcLocalTCPAddress: ':${media}'\nhlsAddress: 127.0.0.1:0\nrtspAddress: 127.0.0.1:${rtsp}\nrtspTransports: [tcp]\nplaybackAddress: 127.0.0.1:0\napiAddress: 127.0.0.1:0\nmetricsAddress: 127.0.0.1:0\n`;
  writeFileSync(join(folder, 'perch.yml'), `perch: own\n${addresses}${config}`);
  const log: string[] = [];
  const lines = new LogLines(systemClock);
  const onLine = (line: string) => {
    log.push(line);
    lines.add(line);
  };
  const start = async (): Promise<App> =>
    App.start({
      ...{ version: version(), dataDir: join(folder, 'data'), cwd: folder, env: {}, clock },
      ...{ pageFolder: PAGE, log: createLogger('info', onLine), lines },
      ...{ discovery: { port: discoveryPort, includeLoopback: true } },
      ...(hostAnswers !== undefined && { hostAnswers }),
      ...(features && { features }),
      ...(protocols && { protocols }),
      restart: () => {
        restarted = app.close().then(async () => {
          app = await start();
        });
      },
    });
  let restarted: Promise<void> = Promise.resolve();
  let app = await start();
  let cookie = '';
  const api = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const base = { cookie, 'Sec-Fetch-Site': 'same-origin' };
    const sent =
      body === undefined
        ? { headers: base }
        : { headers: { ...base, 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${port}/v3/${path}`, { method, ...sent });
    if (!response.ok) {
      throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    }
    const cookies = response.headers.getSetCookie().map((one) => one.split(';')[0]);
    cookie = cookies.length > 0 ? cookies.join('; ') : cookie;
    return (await response.json()) as T;
  };
  return {
    ...{ folder, port, cameras, log, api },
    get app() {
      return app;
    },
    claim: async () => {
      await api('POST', 'claim', { password: OWNER_PASSWORD, setupCode: app.accounts.setup?.code });
    },
    addUser: async (user) => {
      await api('DELETE', `users/${encodeURIComponent(user.name)}`).catch(() => {});
      await api('POST', 'users', user);
    },
    adopt: (chosen = cameras) => adoptAll(chosen, api),
    away: async (during) => {
      await app.close();
      await during();
      app = await start();
    },
    async [Symbol.asyncDispose]() {
      await restarted;
      await app.close();
      for (const camera of cameras) {
        await camera[Symbol.asyncDispose]();
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Adoption {
  readonly id: string;
  readonly state: 'running' | 'done';
  readonly items: readonly { readonly path: string | null; readonly error: string | null }[];
}

async function adoptAll(cameras: readonly OnvifCamera[], api: PageHarness['api']): Promise<readonly string[]> {
  const requested = cameras.map(({ url }) => ({ onvif: url }));
  const body = { user: 'admin', password: 'none', cameras: requested };
  let adoption = await api<Adoption>('POST', 'cameras/adopt', body);
  while (adoption.state === 'running') {
    await new Promise((resolve) => setTimeout(resolve, 50));
    adoption = await api<Adoption>('GET', `cameras/adopt/${adoption.id}`);
  }
  const names = adoption.items.map(({ path, error }) => {
    if (path === null || error !== null) {
      throw new Error(`not adopted: ${error}`);
    }
    return path;
  });
  for (const name of names) {
    // A path is made a moment after its camera is adopted.
    const isReady = async () => {
      const { items: paths } = await api<{ items: readonly { name: string; ready: boolean }[] }>('GET', 'paths/list');
      return paths.some((path) => path.name === name && path.ready);
    };
    while (!(await isReady())) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return names;
}
