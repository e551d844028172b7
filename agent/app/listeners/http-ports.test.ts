import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { get as getByTls, Agent as TlsAgent } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { freePort, freePorts } from '../../../test/support/base/free-port.ts';
import { createLogger } from '../../base/log.ts';
import { App } from '../app.ts';

const FIXTURES = join(import.meta.dirname, '../../../test/fixtures/tls');
const OTHERS = `hls: no\nsrt: no\nrtsp: no\nrtmp: no\nwebrtc: no\ntlsServerKey: ${FIXTURES}/server.key\ntlsServerCert: ${FIXTURES}/server.crt\n`;
const LAX = { rejectUnauthorized: false } as const;

interface Ports {
  readonly main: number;
  readonly tls: number;
}

/** A box with both main ports. */
async function openBox({ more = '' } = {}) {
  const cwd = mkdtempSync(join(tmpdir(), 'perch-ports-'));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  const [main = 0, tls = 0] = await freePorts(2);
  const write = (ports: Ports, settings = more) => {
    const tlsAddress = ports.tls === 0 ? "''" : `127.0.0.1:${ports.tls}`;
    const addresses = `address: 127.0.0.1:${ports.main}\ntlsAddress: ${tlsAddress}\n`;
    writeFileSync(join(cwd, 'perch.yml'), addresses + OTHERS + settings);
  };
  const ports = { main, tls };
  write(ports);
  const app = await App.start({
    ...{ version: '0', dataDir: join(cwd, 'data'), cwd, env: {}, pageFolder: cwd },
    ...{ clock: new FakeClock(), log: createLogger('silent', () => {}), discovery: { only: [] } },
  });
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= app.close();
    return closing;
  };
  onTestFinished(close);
  const change = async (to: Partial<Ports>, settings?: string) => {
    write({ ...ports, ...to }, settings);
    await app.reload();
  };
  return { app, ports, change, close };
}

/** Sends its requests by one connection while that lasts. */
function askerOf(port: number, isTls: boolean, headers: Readonly<Record<string, string>> = {}) {
  const agent = isTls ? new TlsAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  return async (path = '/health') => {
    const where = { host: '127.0.0.1', port, path, agent, headers, ...LAX };
    const request = isTls ? getByTls(where) : get(where);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    await text(response);
    const { statusCode, headers: answered } = response;
    return { statusCode, location: answered.location, isByFormer: request.reusedSocket };
  };
}
const isThere = (ask: ReturnType<typeof askerOf>) =>
  ask().then(
    ({ statusCode }) => statusCode === 200,
    () => false,
  );

test.for([
  ['http', 'https', 'main', true],
  ['https', 'http', 'tls', false],
] as const)('a change of the port of %s leaves connections of %s alone', async ([, , changed, isOtherTls]) => {
  const { ports, change } = await openBox();
  const other = askerOf(isOtherTls ? ports.tls : ports.main, isOtherTls);
  expect(await other()).toMatchObject({ statusCode: 200, isByFormer: false });
  const port = await freePort();
  await change({ [changed]: port });
  await expect.poll(() => isThere(askerOf(port, !isOtherTls))).toBe(true);
  expect(await isThere(askerOf(ports[changed], !isOtherTls))).toBe(false);
  expect(await other()).toMatchObject({ statusCode: 200, isByFormer: true });
});

test('https is disabled and enabled again, and connections of http stay', async () => {
  const { app, ports, change } = await openBox();
  const [plain, secure] = [askerOf(ports.main, false), askerOf(ports.tls, true)];
  expect([await isThere(plain), await isThere(secure)]).toEqual([true, true]);
  await change({ tls: 0 });
  await expect.poll(() => app.tlsPort).toBeUndefined();
  expect(await isThere(secure)).toBe(false);
  await change({});
  await expect.poll(() => isThere(secure)).toBe(true);
  expect(app.tlsPort).toBe(ports.tls);
  expect(await plain()).toMatchObject({ statusCode: 200, isByFormer: true });
});

test('each main port answers while the other one cannot open', async () => {
  const { app, ports, change } = await openBox();
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const { port } = taken.address() as { port: number };
  await change({ tls: port });
  await expect.poll(() => app.tlsPort).toBeUndefined();
  expect(await isThere(askerOf(ports.main, false))).toBe(true);
  await change({ main: port });
  await expect.poll(() => app.mainPort).toBeUndefined();
  await expect.poll(() => isThere(askerOf(ports.tls, true))).toBe(true);
});

test('a new trusted proxy is believed on both main ports, whose connections stay', async () => {
  const more = 'tlsRedirect: yes\n';
  const { ports, change } = await openBox({ more });
  const proxy = { 'X-Forwarded-For': '192.0.2.1', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Prefix': '/perch' };
  const [plain, secure] = [askerOf(ports.main, false, proxy), askerOf(ports.tls, true, proxy)];
  expect(await plain('/v3/system')).toMatchObject({ statusCode: 307 });
  await secure('/v3/info');
  await change({}, `${more}trustedProxies: [127.0.0.1]\n`);
  // Requests of 192.0.2.1 now, not of this box.
  for (const ask of [plain, secure]) {
    await expect.poll(() => ask('/v3/system')).toMatchObject({ statusCode: 401, isByFormer: true });
  }
});

test('http sends on to https, which answers HTTP/2 with the same', async () => {
  const { ports } = await openBox({ more: 'tlsRedirect: yes\n' });
  const { statusCode, location } = await askerOf(ports.main, false)('/v3/info');
  expect([statusCode, location]).toEqual([307, `https://127.0.0.1:${ports.tls}/v3/info`]);
  const session = connectHttp2(`https://127.0.0.1:${ports.tls}`, LAX);
  onTestFinished(() => session.destroy());
  const stream = session.request({ ':path': '/v3/info' });
  const [[answer], body] = await Promise.all([once(stream, 'response'), text(stream)]);
  expect([answer[':status'], JSON.parse(body)]).toEqual([200, expect.objectContaining({ version: '0' })]);
});

test('App.close does not wait for open connections of either main port', async () => {
  const { ports, close } = await openBox();
  const [plain, secure] = [askerOf(ports.main, false), askerOf(ports.tls, true)];
  const waiting = [plain('/v3/events'), secure('/v3/events')].map((answer) => expect(answer).rejects.toThrow());
  const session = connectHttp2(`https://127.0.0.1:${ports.tls}`, LAX);
  const stream = session.request({ ':path': '/v3/events' });
  stream.on('error', () => {});
  session.on('error', () => {});
  const gone = once(session, 'close');
  await once(stream, 'response');
  await close();
  await Promise.all([gone, ...waiting]);
});
