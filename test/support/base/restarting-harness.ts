import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '../../../agent/app/app.ts';
import { systemClock } from '../../../agent/base/clock.ts';
import { createLogger } from '../../../agent/base/log.ts';
import { LogLines } from '../../../agent/base/log-lines.ts';

export const PASSWORD = 'the heron by the lake';
const QUIET = 'perch: own\naddress: 127.0.0.1:0\nhls: no\nrtsp: no\nwebrtc: no\napi: no\nplayback: no\nmetrics: no\n';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers;
}

/** Perch without media that restarts itself, and a client. */
export interface RestartingHarness extends AsyncDisposable {
  readonly dataDir: string;
  /** URL of the main port, without a slash at its end. */
  readonly url: string;
  readonly log: readonly string[];
  /** Setup code; undefined: the box is claimed. */
  readonly setupCode: string | undefined;
  /** Cookie of the client. */
  cookie: string;
  /** @param path below `/v3/`. @param body bytes are sent as they are */
  ask(method: string, path: string, body?: object | Uint8Array, headers?: Record<string, string>): Promise<Answer>;
  /** @returns a backup of the box */
  backup(): Promise<Uint8Array<ArrayBuffer>>;
  /** The configuration, and the files of the data folder that a restore may change, by name. */
  files(): Record<string, string>;
  /** Resolves after the restart. */
  restarted(): Promise<void>;
}

export interface RestartingHarnessOptions {
  /** More of the configuration. */
  readonly config?: string;
  /** No person has a password yet. */
  readonly isUnclaimed?: boolean;
  /** No supervisor would restart it. */
  readonly isAlone?: boolean;
}

export async function startRestartingHarness(options: RestartingHarnessOptions = {}): Promise<RestartingHarness> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-restarting-'));
  const dataDir = join(folder, 'data');
  writeFileSync(join(folder, 'perch.yml'), QUIET + (options.config ?? ''));
  const log: string[] = [];
  const lines = new LogLines(systemClock);
  let restarts = Promise.withResolvers<void>();
  const restart = () => {
    restarts.resolve(
      app.close().then(async () => {
        app = await start();
      }),
    );
    isRestarting = true;
  };
  const start = (): Promise<App> =>
    App.start({
      ...{ version: 'v0.0.0', dataDir, cwd: folder, env: {}, pageFolder: folder, clock: systemClock },
      log: createLogger('info', (line) => {
        log.push(line);
        lines.add(line);
      }),
      ...{ lines, discovery: { only: [] } },
      ...(options.isAlone ? {} : { restart }),
    });
  let isRestarting = false;
  let app = await start();
  const ask: RestartingHarness['ask'] = async (method, path, body, more = {}) => {
    const isFile = body instanceof Uint8Array;
    const type = isFile ? 'application/octet-stream' : 'application/json';
    const response = await fetch(`${box.url}/v3/${path}`, {
      method,
      headers: { cookie: box.cookie, 'Sec-Fetch-Site': 'same-origin', ...(body && { 'Content-Type': type }), ...more },
      ...(body && { body: isFile ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
    });
    const named = (cookie: string): [string, string] => [cookie.split('=')[0] ?? '', cookie];
    const kept = [...box.cookie.split('; '), ...response.headers.getSetCookie().map((one) => one.split(';')[0] ?? '')];
    box.cookie = [...new Map(kept.filter(Boolean).map(named)).values()].join('; ');
    const bytes = await response.arrayBuffer();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return {
      status: response.status,
      body: isJson ? JSON.parse(new TextDecoder().decode(bytes)) : new Uint8Array(bytes),
      headers: response.headers,
    };
  };
  const box: RestartingHarness = {
    ...{ dataDir, log, ask },
    cookie: '',
    get url() {
      return `http://127.0.0.1:${app.mainPort}`;
    },
    get setupCode() {
      return app.accounts.setup?.code;
    },
    backup: async () => (await ask('POST', 'backup', { password: PASSWORD })).body as Uint8Array<ArrayBuffer>,
    files: () => ({ ...filesOf(dataDir), config: readFileSync(join(folder, 'perch.yml'), 'utf8') }),
    restarted: async () => {
      await restarts.promise;
      restarts = Promise.withResolvers<void>();
      isRestarting = false;
    },
    async [Symbol.asyncDispose]() {
      if (isRestarting) {
        await restarts.promise;
      }
      await app.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  if (!options.isUnclaimed) {
    await ask('POST', 'claim', { password: PASSWORD, setupCode: box.setupCode });
  }
  return box;
}

/** The files that a backup has, that it changes, and that a restore leaves. */
const CREDENTIAL_FILES =
  /^(?:users|guests|sessions|secret|zlm-secret|protected|restore)\.json$|^(?:restore|before-restore)\./;

const filesOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile() && CREDENTIAL_FILES.test(entry.name))
      .map(({ name }) => [name, readFileSync(join(folder, name), 'latin1')]),
  );
