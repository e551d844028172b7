import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { configOf } from '../../../test/support/harness/servers/path-table-of.ts';
import { silentLogger } from '../../base/log.ts';
import { createHttpApp } from '../../http/listener/app.ts';
import type { Host } from '../contract.ts';
import { CameraNetwork, REASONS } from './camera-network.ts';
import { cameraNetwork } from './feature.ts';
import { cameraNetworkRoutes } from './routes.ts';

const MAC = '1e:84:34:1c:93:24';
const PATHS = '  door:\n    source: rtsp://10.83.83.20/main\n';

async function box({ offers = true, answer = { ok: true, text: 'done' }, paths = PATHS } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'perch-cameras-'));
  const clock = new FakeClock();
  const asked: object[] = [];
  let patienceMs = 0;
  const stop = new AbortController();
  const network = new CameraNetwork({
    clock,
    log: silentLogger,
    signal: stop.signal,
    host: {
      offers: () => offers,
      ask: async (_task, fields, ms) => {
        asked.push(fields);
        patienceMs = ms;
        return answer;
      },
    },
    settings: () => configOf(paths),
    isTrusted: () => true,
    cameras: { found: () => [{ address: '10.83.83.21', manufacturer: 'Acme' }] },
    answers: folder,
    leases: folder,
    missing: () => ['nftables'],
  });
  const app = createHttpApp({ log: silentLogger });
  await app.register(async (scope) => cameraNetworkRoutes(scope, network));
  onTestFinished(async () => {
    stop.abort();
    await app.close();
    rmSync(folder, { recursive: true });
  });
  const ask = async (method: 'GET' | 'PUT' | 'POST', path = '', payload?: object) => {
    const { statusCode, body } = await app.inject({
      method,
      url: `/v3/camera-network${path}`,
      ...(payload && { payload }),
    });
    return { statusCode, body: JSON.parse(body) };
  };
  return { folder, clock, asked, ask, patienceMs: () => patienceMs };
}

test('who is there: devices with a lease that has not ended, with their path and the end of a release', async () => {
  const { folder, clock, ask } = await box();
  const nowS = Math.floor(clock.wallMs() / 1_000);
  writeFileSync(
    join(folder, 'camera-network'),
    '{"interface":"cam0","address":"203.0.113.77","fault":"another port has its name now"}\n',
  );
  const leases = [
    `${nowS + 3_000} ${MAC} 10.83.83.20 cam-1 *`,
    `${nowS + 60} 1e:84:34:1c:93:25 10.83.83.21 * *`,
    `${nowS - 1} 1e:84:34:1c:93:26 10.83.83.22 * *`,
  ];
  writeFileSync(join(folder, 'leases'), leases.join('\n'));
  writeFileSync(join(folder, 'camera-releases'), `${MAC} 10.83.83.20 ${nowS + 1_800}\n`);
  const { body } = await ask('GET');
  const at = (seconds: number) => new Date((nowS + seconds) * 1_000).toISOString();
  expect(body).toMatchObject({
    supported: true,
    missing: ['nftables'],
    interface: 'cam0',
    address: '203.0.113.77',
    fault: 'another port has its name now',
    faultWhy: 'otherPort',
    time: false,
  });
  expect(body.cameras).toEqual([
    {
      mac: MAC,
      address: '10.83.83.20',
      name: 'cam-1',
      lastSeen: at(-600),
      manufacturer: null,
      path: 'door',
      releasedUntil: at(1_800),
    },
    {
      mac: '1e:84:34:1c:93:25',
      address: '10.83.83.21',
      name: null,
      lastSeen: at(-3_540),
      manufacturer: 'Acme',
      path: null,
      releasedUntil: null,
    },
  ]);
});

test('a camera has the name of its main path, wherever its sub stream is in the file', async () => {
  const main = '  door:\n    source: rtsp://10.83.83.20/main\n    camera: { onvif: "http://10.83.83.20/onvif" }\n';
  const { folder, clock, ask } = await box({ paths: `  a_sub:\n    source: rtsp://10.83.83.20/sub\n${main}` });
  writeFileSync(join(folder, 'camera-network'), '{"interface":"cam0","address":"203.0.113.77","fault":"no"}\n');
  writeFileSync(join(folder, 'leases'), `${Math.floor(clock.wallMs() / 1_000) + 3_000} ${MAC} 10.83.83.20 * *\n`);
  expect((await ask('GET')).body.cameras).toMatchObject([{ path: 'door' }]);
});

test("the network of another Perch's service is not this one's", async () => {
  const { folder, ask } = await box({ offers: false });
  writeFileSync(join(folder, 'camera-network'), '{"interface":"cam0","address":"127.0.0.1","fault":""}\n');
  await ask('GET');
  expect((await ask('GET')).body).toMatchObject({ supported: false, interface: null, time: false, cameras: [] });
});

test("root's service is asked in the forms that it knows, and waited for as long as systemd does", async () => {
  const { asked, ask, patienceMs } = await box();
  await ask('PUT', '', { interface: 'eth1' });
  await ask('PUT', '', { interface: null });
  await ask('POST', '/release', { mac: MAC });
  await ask('POST', '/withdraw', { mac: MAC });
  expect(asked).toEqual([
    { do: 'on', interface: 'eth1' },
    { do: 'off' },
    { do: 'release', mac: MAC },
    { do: 'withdraw', mac: MAC },
  ]);
  const unit = join(import.meta.dirname, '../../../packaging/linux/systemd/perch-network.service');
  const limitMs = Number(/^TimeoutStartSec=(\d+)s$/m.exec(readFileSync(unit, 'utf8'))?.[1]) * 1_000;
  expect(patienceMs()).toBeGreaterThan(limitMs);
});

test.for([
  ['PUT', '', { interface: '../lo' }],
  ['PUT', '', { interface: '' }],
  ['PUT', '', {}],
  ['POST', '/release', { mac: `${MAC}:00` }],
  ['POST', '/withdraw', { mac: 'all' }],
] as const)('%s%s with %o is rejected', async ([method, path, body]) => {
  const { asked, ask } = await box();
  expect((await ask(method, path, body)).statusCode).toBe(400);
  expect(asked).toEqual([]);
});

test("a refusal is the service's sentence, and one word", async () => {
  const error = 'eth1 cannot be for cameras: the DHCP server 192.0.2.1 answers there';
  const { ask } = await box({ answer: { ok: false, text: error } });
  expect(await ask('PUT', '', { interface: 'eth1' })).toEqual({
    statusCode: 400,
    body: { status: 'error', error, why: 'dhcpServer' },
  });
});

test('the words stand for sentences of the service', () => {
  const service = readFileSync(join(import.meta.dirname, '../../../packaging/linux/camera-network'), 'utf8');
  expect(REASONS.filter(([, said]) => !service.includes(said))).toEqual([]);
});

test('without the service nothing is supported, and only the owner may ask', async () => {
  expect((await (await box({ offers: false })).ask('GET')).body).toMatchObject({
    supported: false,
    missing: [],
    cameras: [],
  });
});

test('its routes are for the owner, on the main port only', () => {
  const host = { clock: new FakeClock(), log: silentLogger, dataDir: '/nowhere', hostAnswers: '/nowhere' };
  const routes = { listener: 'main', right: 'admin', mount: expect.any(Function) };
  expect(cameraNetwork.open(host as unknown as Host).routes).toEqual([routes]);
});
