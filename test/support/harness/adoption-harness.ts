import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '../../../agent/app/app.ts';
import type { AppOptions } from '../../../agent/app/app-options.ts';
import { systemClock } from '../../../agent/base/clock.ts';
import { createLogger } from '../../../agent/base/log.ts';
import { freePorts } from '../base/free-port.ts';

/** The cameras here answer within half a second, to one of three probes in 0.7 s. */
const LISTEN_MS = 2_500;
const PASSWORD = 'correct horse battery';

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** A claimed box that discovers cameras on this machine. `log` has every log line. */
export async function openAdoptionHarness(discovery: AppOptions['discovery'], paths = '', more: object = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'perch-adoption-'));
  const file = join(folder, 'perch.yml');
  const [rtspPort = 0] = await freePorts(1);
  writeFileSync(
    file,
    `perch: own # of the house\naddress: 127.0.0.1:0\nhls: no\nwebrtc: no\napi: no\nplayback: no\nmetrics: no\nrtspAddress: 127.0.0.1:${rtspPort}\nrtspTransports: [tcp]\nlogLevel: debug\n${paths}`,
  );
  const log: string[] = [];
  const app = await App.start({
    ...{
      version: 'v0.0.0',
      dataDir: join(folder, 'data'),
      cwd: folder,
      env: {},
      pageFolder: folder,
      clock: systemClock,
    },
    ...{ log: createLogger('debug', (line) => log.push(line)) },
    ...{ discovery: { includeLoopback: true, only: ['lo'], listenMs: LISTEN_MS, ...discovery }, ...more },
  });
  const url = `http://127.0.0.1:${app.mainPort}`;
  const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${url}/v3${path}`, {
      method,
      headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, bytes: new Uint8Array(await response.arrayBuffer()) };
  };
  const claimed = await ask('POST', '/claim', { password: PASSWORD, setupCode: app.accounts.setup?.code });
  const cookie = claimed.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ');
  return {
    ...{ app, url, log, rtspPort, cookie, ask, folder },
    /** As the owner. */
    call: async (method: string, path: string, body?: unknown): Promise<Answer> => {
      const { status, bytes } = await ask(method, path, body, { cookie });
      return { status, body: JSON.parse(new TextDecoder().decode(bytes)) };
    },
    text: () => readFileSync(file, 'utf8'),
    chmod: (mode: number) => chmodSync(file, mode),
    [Symbol.asyncDispose]: async () => {
      await app.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
