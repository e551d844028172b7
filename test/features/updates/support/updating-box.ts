import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { onTestFinished } from 'vitest';
import { PerchError } from '../../../../agent/base/errors.ts';
import { createLogger } from '../../../../agent/base/log.ts';
import { type Config, parseConfig } from '../../../../agent/config/load/load.ts';
import { updateRoutes } from '../../../../agent/features/updates/routes.ts';
import { Updates } from '../../../../agent/features/updates/updates.ts';
import { createHttpApp } from '../../../../agent/http/listener/app.ts';
import type { HostAnswer } from '../../../../system/host-requests.ts';
import { type AnyManifest, SYSTEM_PACKAGE, type UpdatePackage } from '../../../../system/update/manifest.ts';
import { writeHeader } from '../../../../system/update/update-file.ts';
import { writeNewest } from '../../../../system/update/update-server.ts';
import { FakeClock } from '../../../support/base/fake-clock.ts';
import { KEYS as CONFIG_KEYS } from '../../../support/harness/loaded-config.ts';

const KEYS = generateKeyPairSync('ed25519');
export const PACKAGE = Buffer.alloc(100_000, 'perch');
const SIZE = { sizeBytes: PACKAGE.length, sha512: createHash('sha512').update(PACKAGE).digest('hex') };
type SystemPackage = UpdatePackage<typeof SYSTEM_PACKAGE>;

const DEFAULTS = { recordPath: '/var/lib/perch/recordings/%path/%Y-%m-%d_%H-%M-%S-%f', cwd: '/', keys: CONFIG_KEYS };
const CONFIG = `perch: own
paths:
  door: {record: yes}
  gate: {record: motion}
  ~^cam: {record: yes, recordPath: /srv/%path/%Y-%m-%d_%H-%M-%S-%f}
`;

function updateOf(one: UpdatePackage | SystemPackage, key: KeyObject): Buffer {
  const packages = [one] as AnyManifest['packages'];
  const manifest = { version: one.version, made: '2026-11-21T08:00:00Z', packages } as AnyManifest;
  return Buffer.concat([writeHeader(manifest, key), PACKAGE]);
}

/** A whole system of the image. */
export function systemTo(version: string, key: KeyObject = KEYS.privateKey): Buffer {
  return updateOf({ name: SYSTEM_PACKAGE, version, architecture: 'arm64', ...SIZE }, key);
}

export function updateTo(version: string, key: KeyObject = KEYS.privateKey): Buffer {
  return updateOf({ name: 'perch', version, architecture: 'all', ...SIZE }, key);
}

/** The routes of updates on a box with version 1.1.0; root's service is a stand-in. */
export class UpdatingBox implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'perch-updates-'));
  readonly clock = new FakeClock();
  /** Requests to root's service. */
  readonly asked: object[] = [];
  readonly published: object[] = [];
  readonly requested = join(this.folder, 'requests/update.perchupdate');
  answer: (HostAnswer & { readonly id: string }) | undefined;
  isOffered = true;
  /** Root's service says nothing. */
  isDeaf = false;
  /** Names of what is being recorded. */
  recorded: readonly string[] = ['door'];
  updateAddress = '';
  /** Of the page. */
  address = ':80';
  /** Command line of the kernel. */
  commandLine = 'ro quiet';
  app: FastifyInstance = createHttpApp({ log: createLogger('silent', () => {}) });
  readonly #stop = new AbortController();
  readonly #config: Config;

  private constructor() {
    mkdirSync(join(this.folder, 'keys'));
    writeFileSync(join(this.folder, 'keys/own.pem'), KEYS.publicKey.export({ type: 'spki', format: 'pem' }));
    const { config } = parseConfig(CONFIG, 'perch.yml', {}, DEFAULTS);
    if (!config) {
      throw new Error('the configuration is wrong');
    }
    this.#config = config;
  }

  static async start(): Promise<UpdatingBox> {
    const box = new UpdatingBox();
    await box.serve();
    return box;
  }

  updates(): Updates {
    const { folder, clock, commandLine } = this;
    return new Updates({
      ...{
        version: 'v1.1.0',
        dataDir: folder,
        clock,
        log: createLogger('silent', () => {}),
        signal: this.#stop.signal,
      },
      events: { emit: (_type, fields) => void this.published.push(fields) },
      paths: {
        list: () => [
          ...this.recorded.map((name) => ({ name, recording: { active: true } as never })),
          { name: 'yard', recording: null },
        ],
      },
      settings: () => Object.assign({ ...this.#config }, { updateAddress: this.updateAddress, address: this.address }),
      addressOf: async (name) => {
        if (name !== 'nas.lan') {
          throw new Error('ENOTFOUND');
        }
        return '192.0.2.7';
      },
      keyFolder: join(folder, 'keys'),
      commandLine,
      host: {
        offers: () => this.isOffered,
        ask: async (task, fields) => {
          this.asked.push({ task, ...fields });
          if (this.isDeaf) {
            throw new PerchError('timeout', 'perch-update.service has not answered');
          }
          return { ok: true, text: 'it is being installed', state: 'installing' };
        },
        lastAnswer: async () => this.answer,
      },
    });
  }

  /** As after a start. */
  async serve(): Promise<void> {
    await this.app.close();
    this.app = createHttpApp({ log: createLogger('silent', () => {}) });
    await this.app.register(async (scope) => updateRoutes(scope, this.updates()));
  }

  async post(url: string, payload: Buffer) {
    const headers = { 'content-type': 'application/octet-stream' };
    const { statusCode, body } = await this.app.inject({ method: 'POST', url, headers, payload });
    return { statusCode, ...(JSON.parse(body) as Record<string, unknown>) };
  }

  async tell(url: string, payload?: object) {
    const { statusCode, body } = await this.app.inject({ method: 'POST', url, ...(payload && { payload }) });
    return { statusCode, ...(JSON.parse(body) as Record<string, unknown>) };
  }

  /** A web server on loopback with an update in its folder. @returns the requested URLs */
  async publish(version: string, file: Buffer): Promise<readonly string[]> {
    const wanted: string[] = [];
    await this.updatesFrom(({ url = '' }, response) => {
      wanted.push(url);
      response.end(url.endsWith('.json') ? writeNewest(version) : file);
    });
    return wanted;
  }

  /** Updates are looked for at a web server on loopback, until the end of the test. */
  async updatesFrom(answers: RequestListener): Promise<void> {
    const server = createServer(answers);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    this.updateAddress = `http://127.0.0.1:${(server.address() as AddressInfo).port}/perch/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.app.close();
    rmSync(this.folder, { recursive: true });
  }
}
