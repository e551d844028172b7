import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { App } from '../../agent/app/app.ts';
import { FORWARDERS, SERVERS, SOURCES } from '../../agent/app/protocols.ts';
import { systemClock } from '../../agent/base/clock.ts';
import { createLogger } from '../../agent/base/log.ts';
import { freePort } from '../support/base/free-port.ts';
import { KEYS } from '../support/harness/loaded-config.ts';
import { tinyH264 } from '../support/media/tiny-h264.ts';
import { type Hello, writeHello, writeSample, writeTracks } from '../support/toy-protocol/frames.ts';
import { toyServer } from '../support/toy-protocol/server.ts';
import { toySource } from '../support/toy-protocol/source.ts';

interface Item {
  readonly id: string;
  readonly path: string;
  readonly state: string;
  readonly user: string;
}

const KEY = { pts: 0, dts: 0, wall: Date.UTC(2026, 0, 1), key: true, data: Uint8Array.of(0, 0, 0, 2, 0x65, 1) };
const echo = (hook: string, ...variables: string[]) =>
  `${hook}: sh -c 'echo "${hook} ${variables.map((name) => `$${name}`).join(' ')}"'\n`;

/** Perch with one more protocol than its own. The path `relay` pulls `stage` from its own server. */
async function openApp() {
  const folder = mkdtempSync(join(tmpdir(), 'perch-toy-'));
  const port = await freePort();
  const config = [
    'logLevel: debug\naddress: 127.0.0.1:0\nrtsp: no\nrtmp: no\nhls: no\nsrt: no\nwebrtc: no\n',
    `toyAddress: 127.0.0.1:${port}\nzlmSecret: zlm-secret\n`,
    echo('runOnConnect', 'MTX_CONN_TYPE', 'MTX_CONN_ID'),
    'authInternalUsers: [{user: any, permissions: [{action: api}, {action: metrics}, {action: read}]}, {user: pia, pass: secret, permissions: [{action: publish}]}]\n',
    'paths:\n  stage:\n    ',
    echo('runOnRead', 'MTX_PATH', 'MTX_QUERY', 'MTX_READER_TYPE', 'MTX_READER_ID'),
    `  relay:\n    source: toy://127.0.0.1:${port}/stage?to=relay\n`,
  ];
  writeFileSync(join(folder, 'perch.yml'), config.join(''));
  const lines: string[] = [];
  const app = await App.start({
    version: '0',
    dataDir: join(folder, 'data'),
    cwd: folder,
    env: {},
    pageFolder: folder,
    clock: systemClock,
    log: createLogger('debug', (line) => lines.push(line)),
    discovery: { only: [] },
    protocols: { servers: [...SERVERS, toyServer], sources: [...SOURCES, toySource], forwarders: FORWARDERS },
  });
  onTestFinished(async () => {
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const ask = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${app.mainPort}${path}`, { method });
  return {
    port,
    text: async (path: string) => (await ask(path)).text(),
    json: async (path: string) => (await ask(path)).json(),
    items: async (collection: string): Promise<readonly Item[]> =>
      (await (await ask(`/v3/${collection}/list`)).json()).items,
    post: (path: string) => ask(path, 'POST'),
    entries: () => lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>),
  };
}

async function dial(port: number, hello: Partial<Hello>): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.write(writeHello({ role: 'read', path: 'stage', query: '', ...hello }));
  return socket;
}

/** A publisher of `stage` that has sent a key frame. */
async function publish(port: number): Promise<Socket> {
  const socket = await dial(port, { role: 'publish', query: 'from=toy', user: 'pia', password: 'secret' });
  await once(socket, 'data');
  socket.write(Buffer.concat([writeTracks([tinyH264]), writeSample(0, KEY)]));
  return socket;
}

test('a protocol that is in the tables alone is listed, measured, hooked and kicked like the others', async () => {
  const perch = await openApp();
  const publisher = await publish(perch.port);
  await expect
    .poll(() => perch.json('/v3/paths/get/relay'))
    .toMatchObject({
      ready: true,
      source: { type: 'toySource', id: '' },
      tracks: ['H264'],
      inboundBytes: KEY.data.length,
    });

  const sessions = await perch.items('toysessions');
  expect(sessions).toMatchObject([
    { state: 'publish', path: 'stage', query: 'from=toy', user: 'pia' },
    { state: 'read', path: 'stage', query: 'to=relay', user: '' },
  ]);
  const [writer, reader] = sessions as [Item, Item];
  expect(await perch.json(`/v3/toysessions/get/${reader.id}`)).toMatchObject({ id: reader.id, state: 'read' });
  const connections = await perch.items('toyconns');
  expect(connections).toHaveLength(2);
  expect(await perch.json('/v3/paths/get/stage')).toMatchObject({
    source: { type: 'toySession', id: writer.id },
    readers: [{ type: 'toySession', id: reader.id }],
    subscribers: [{ protocol: 'toy', clientIP: '127.0.0.1' }],
  });
  expect(await perch.json('/v3/publishers/list')).toEqual([{ path: 'stage', clientId: writer.id, protocol: 'toy' }]);
  // The figures of the page.
  expect(await perch.json('/v3/stats')).toMatchObject({ publishers: 1, readers: 1 });

  const metrics = await perch.text('/metrics');
  expect(metrics).toContain('paths_readers{name="stage",readerType="toySession",state="ready"} 1\n');
  expect(metrics).toContain(`toy_conns{id="${connections[0]?.id}"} 1\n`);
  expect(metrics).toMatch(
    new RegExp(`toy_sessions{id="${reader.id}",path="stage",remoteAddr="[^"]+",state="read"} 1\n`),
  );
  expect(await perch.text(`/metrics?toy_session=${writer.id}`)).not.toContain(reader.id);

  await expect
    .poll(() => perch.entries().map(({ says }) => says))
    .toEqual(
      expect.arrayContaining([
        ...connections.map(({ id }) => `runOnConnect toyConn ${id}`),
        `runOnRead stage to%3Drelay toySession ${reader.id}`,
      ]),
    );

  expect((await perch.post(`/v3/toysessions/kick/${reader.id}`)).status).toBe(200);
  await expect.poll(() => perch.json('/v3/paths/get/relay')).toMatchObject({ ready: false });
  const closed = once(publisher, 'close');
  expect((await perch.post(`/v3/publishers/kick/${writer.id}`)).status).toBe(200);
  await closed;
  expect((await perch.post(`/v3/toysessions/kick/${writer.id}`)).status).toBe(404);
});

test('its routes are below its name on the main port', async () => {
  const perch = await openApp();
  expect(await perch.json('/toy/stage')).toEqual({ port: perch.port });
});

test.runIf(KEYS.global.names.has('zlmSecret'))(
  "ZLMediaKit's media list has its schema and counts its readers",
  async () => {
    const perch = await openApp();
    await publish(perch.port);
    await expect.poll(() => perch.json('/v3/paths/get/relay')).toMatchObject({ ready: true });
    const { data } = await perch.json('/index/api/getMediaList?secret=zlm-secret&stream=stage');
    expect(data).toMatchObject([{ schema: 'toy', stream: 'stage', readerCount: 1, originTypeStr: 'toy_push' }]);
  },
);

test('the permissions hold, and the log names the protocol', async () => {
  const perch = await openApp();
  const socket = await dial(perch.port, { role: 'publish', user: 'pia', password: 'wrong' });
  await once(socket, 'close');
  expect(await perch.items('toysessions')).toEqual([]);
  const rejected = { msg: 'failed to authenticate', protocol: 'toy', action: 'publish', path: 'stage', user: 'pia' };
  expect(perch.entries()).toContainEqual(expect.objectContaining(rejected));
});

test('the OpenAPI document has its collections, and the list of publishers its name', async () => {
  const perch = await openApp();
  const { paths } = await perch.json('/v3/openapi.json');
  const own = Object.keys(paths).filter((path) => path.includes('/toy'));
  expect(own).toEqual([
    '/v3/toyconns/list',
    '/v3/toyconns/get/{id}',
    '/v3/toyconns/kick/{id}',
    '/v3/toysessions/list',
    '/v3/toysessions/get/{id}',
    '/v3/toysessions/kick/{id}',
  ]);
  expect(paths['/v3/toysessions/get/{id}'].get).toMatchObject({ summary: 'One toy session', tags: ['sessions'] });
  const { schema } = paths['/v3/publishers/list'].get.responses['200'].content['application/json'];
  expect(schema.items.properties.protocol.enum).toEqual(['rtsp', 'rtsps', 'rtmp', 'rtmps', 'webrtc', 'srt', 'toy']);
});
