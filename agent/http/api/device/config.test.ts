import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { KEYS } from '../../../../test/support/harness/loaded-config.ts';
import { silentLogger } from '../../../base/log.ts';
import { ApiEdits } from '../../../config/edit/api-edits.ts';
import { globalJson, pathDefaultsJson, pathListJson } from '../../../config/edit/json.ts';
import { ConfigStore } from '../../../config/store/store.ts';
import { createHttpApp } from '../../listener/app.ts';
import { acceptAnyJson } from '../control-api.ts';
import { configRoutes } from './config.ts';

const FILE = `# the cameras of the house
logLevel: warn # quiet
authInternalUsers:
  - user: any
    permissions: [{action: api}]
  - user: me
    pass: secret
paths:
  cam:
    source: rtsp://me:pw@192.168.1.2/1
  garden/gate: # behind it
    record: no
`;

/** The routes over a real file. */
async function openApi(text = FILE) {
  const cwd = mkdtempSync(join(tmpdir(), 'perch-api-'));
  const file = join(cwd, 'perch.yml');
  writeFileSync(file, text);
  const options = { cwd, dataDir: join(cwd, 'data'), env: {}, keys: KEYS, clock: new FakeClock(), log: silentLogger };
  const store = await ConfigStore.open(options);
  const app = createHttpApp({ log: silentLogger });
  await app.register(
    async (v3) => {
      acceptAnyJson(v3);
      await v3.register(configRoutes, {
        config: {
          keys: KEYS,
          global: () => globalJson(store.current),
          pathDefaults: () => pathDefaultsJson(store.current),
          paths: () => pathListJson(store.current),
          forecast: (next) => ({
            restarts: [...next.paths.values()].flatMap(({ name, settings }) =>
              settings?.audio === false ? [name] : [],
            ),
            recordings: [],
          }),
          testSource: async (next, name) => ({
            isGood: true,
            tracks2: [],
            error: next.paths.get(name)?.settings?.source ?? null,
            why: null,
          }),
        },
        edits: new ApiEdits(store, {}),
        editorOf: async (request) => ({ hasAllRights: request.headers['x-owner'] === 'yes' }),
      });
    },
    { prefix: '/v3' },
  );
  onTestFinished(async () => {
    store.close();
    await app.close();
    rmSync(cwd, { recursive: true, force: true });
  });
  /** Status and body of the answer. */
  const call = async (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, body?: unknown) => {
    const payload = body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) };
    const answer = await app.inject({ method, url: `/v3/config/${url}`, ...payload });
    return [answer.statusCode, answer.json()] as const;
  };
  return { call, store, write: (next: string) => writeFileSync(file, next), text: () => readFileSync(file, 'utf8') };
}

const DONE = [200, { status: 'ok' }] as const;
const refused = (status: number, error: unknown) => [status, { status: 'error', error }] as const;

test('a path is added, read, changed, replaced and deleted, and the file follows with its comments', async () => {
  const { call, text } = await openApi();
  expect(await call('POST', 'paths/add/new/one', { source: 'rtsp://10.0.0.1/x', sourceOnDemand: 'yes' })).toEqual(DONE);
  expect(await call('GET', 'paths/get/new/one')).toMatchObject([200, { name: 'new/one', sourceOnDemand: true }]);
  expect(await call('POST', 'paths/add/new/one', {})).toEqual(refused(400, 'path already exists'));
  expect(await call('PATCH', 'paths/patch/new/one', { record: true })).toEqual(DONE);
  expect(await call('GET', 'paths/get/new/one')).toMatchObject([200, { sourceOnDemand: true, record: true }]);
  expect(await call('POST', 'paths/replace/new/one', { maxReaders: 5 })).toEqual(DONE);
  expect(text()).toBe(`${FILE}  new/one:\n    maxReaders: 5\n`);
  expect(await call('DELETE', 'paths/delete/new/one')).toEqual(DONE);
  expect(await call('DELETE', 'paths/delete/new/one')).toEqual(refused(404, 'path not found'));
  expect(await call('GET', 'paths/get/new/one')).toEqual(refused(404, 'path configuration not found'));
  expect(text()).toBe(FILE);
});

test('the effects of a change are shown, and nothing is written', async () => {
  const { call, text } = await openApi();
  const foresee = (name: string, change: object) => call('POST', `paths/foresee/${name}`, change);
  expect(await foresee('cam', { audio: false })).toEqual([200, { restarts: ['cam'], recordings: [] }]);
  expect(await foresee('cam', { maxReaders: 3 })).toEqual([200, { restarts: [], recordings: [] }]);
  expect(await foresee('cam', {})).toEqual([200, { restarts: [], recordings: [] }]);
  expect(await foresee('cam', { recordDeleteAfter: 'often' })).toMatchObject([400, { error: expect.any(String) }]);
  expect(await foresee('cam', { runOnInit: 'sh' })).toMatchObject([
    400,
    { error: expect.stringContaining('runs a program') },
  ]);
  expect(await foresee('none', {})).toEqual(refused(404, 'path not found'));
  expect(text()).toBe(FILE);
});

test('a source is tested with settings that are not written; the path need not exist', async () => {
  const { call, text } = await openApi();
  const source = 'rtmp://192.168.1.3/live/1';
  const testOf = (name: string, change: object) => call('POST', `paths/test/${name}`, change);
  const good = [200, { isGood: true, tracks2: [], error: source, why: null }];
  expect(await testOf('cam', { source })).toEqual(good);
  expect(await testOf('new_camera', { source })).toEqual(good);
  // The hidden login is the one in force.
  expect(await testOf('cam', { source: 'rtsp://192.168.1.2/1' })).toMatchObject([
    200,
    { error: 'rtsp://me:pw@192.168.1.2/1' },
  ]);
  expect(await testOf('new_camera', { source: 'ftp://192.168.1.3' })).toMatchObject([400, {}]);
  expect(await testOf('new_camera', { source: 'udp+rtp://0.0.0.0:5004' })).toMatchObject([
    400,
    { error: expect.stringContaining('rtpSDP') },
  ]);
  expect(await testOf('new_camera', { source: 'ffmpeg://x.mp4' })).toMatchObject([
    400,
    { error: expect.stringContaining('runs a program') },
  ]);
  expect(text()).toBe(FILE);
});

test("global settings and defaults are patched, and read back in MediaMTX's form", async () => {
  const { call, text } = await openApi();
  expect(await call('PATCH', 'global/patch', { readTimeout: '1m', hls: 'no' })).toEqual(DONE);
  expect(await call('GET', 'global/get')).toMatchObject([200, { readTimeout: '1m0s', hls: false, logLevel: 'warn' }]);
  expect(await call('PATCH', 'pathdefaults/patch', { recordDeleteAfter: '48h' })).toEqual(DONE);
  expect(await call('GET', 'pathdefaults/get')).toMatchObject([200, { recordDeleteAfter: '2d' }]);
  expect(await call('GET', 'paths/get/cam')).toMatchObject([200, { recordDeleteAfter: '2d' }]);
  expect(text()).toBe(`${FILE}readTimeout: 1m\nhls: false\npathDefaults:\n  recordDeleteAfter: 48h\n`);
});

test('a whole answer can be sent back: hidden passwords are kept', async () => {
  const { call, text } = await openApi();
  for (const [get, method, patch] of [
    ['global/get', 'PATCH', 'global/patch'],
    ['pathdefaults/get', 'PATCH', 'pathdefaults/patch'],
    ['paths/get/cam', 'PATCH', 'paths/patch/cam'],
    ['paths/get/garden/gate', 'PATCH', 'paths/patch/garden/gate'],
    ['global/get', 'POST', 'global/patch'],
    ['paths/get/cam', 'POST', 'paths/patch/cam'],
  ] as const) {
    const [, shown] = await call('GET', get);
    expect(JSON.stringify(shown)).not.toMatch(/secret|me:pw/);
    expect(await call(method, patch, shown)).toEqual(DONE);
  }
  expect(text()).toBe(FILE);
});

test.for([
  ['PATCH', 'paths/patch/cam', { foo: 1 }, 400, 'json: unknown field "foo"'],
  ['PATCH', 'global/patch', { foo: 1 }, 400, 'json: unknown field "foo"'],
  ['PATCH', 'pathdefaults/patch', { foo: 1 }, 400, 'json: unknown field "foo"'],
  ['PATCH', 'global/patch', '{"hls": ', 400, 'the body is not JSON'],
  ['PATCH', 'global/patch', '', 400, 'the body is empty: send a JSON object with the settings'],
  ['PATCH', 'global/patch', 'null', 400, 'the body is null: send a JSON object with the settings'],
  ['PATCH', 'global/patch', { authInternalUsers: null }, 400, 'authInternalUsers: expected a list, got null'],
  ['PATCH', 'global/patch', { logLevel: 'loud' }, 400, "logLevel: 'loud' is not one of error, warn, info, debug"],
  [
    'PATCH',
    'global/patch',
    { playback: true, playbackAddress: ':8554' },
    400,
    'playbackAddress: has the TCP port 8554, as does rtspAddress: change one of them',
  ],
  ['PATCH', 'paths/patch/none', {}, 404, 'path not found'],
  ['POST', 'paths/patch/none', 'hello', 404, 'path not found'],
  ['POST', 'paths/add/cam', {}, 400, 'path already exists'],
  ['POST', 'paths/add/', {}, 400, 'invalid name'],
  ['POST', 'paths/replace/a%20b', {}, 400, expect.stringContaining('invalid path name: can contain only')],
  ['POST', 'paths/add/~(', {}, 400, expect.stringContaining('is not a regular expression')],
  ['POST', 'paths/add/~^(%3F!x)', {}, 400, expect.stringContaining('invalid or unsupported Perl syntax: `(?!`')],
  [
    'POST',
    'paths/add/x',
    { runOnInit: 'sh' },
    400,
    expect.stringContaining('only the owner, or the file itself, can set it'),
  ],
  ['POST', 'paths/add/x', { source: 'ffmpeg://y' }, 400, expect.stringContaining('only the file itself')],
  ['DELETE', 'paths/delete/none', undefined, 404, 'path not found'],
  ['GET', 'paths/list?itemsPerPage=0', undefined, 400, 'invalid items per page'],
] as const)(
  '%s %s with %j is rejected with the reason, and the file stays',
  async ([method, url, body, status, error]) => {
    const { call, text } = await openApi();
    expect(await call(method, url, body)).toEqual(refused(status, error));
    expect(text()).toBe(FILE);
  },
);

test.for([
  ['global/patch', ''],
  ['global/patch', 'hello'],
  ['global/patch', '{"config": {"hls": false}}'],
  ['global/patch', '[1]'],
  ['pathdefaults/patch', 'a=b'],
  ['paths/patch/cam', ''],
  ['paths/patch/cam', '{"id": 7}'],
  ['reload', ''],
  ['reload', '{"now": true}'],
  ['reload', '<xml/>'],
] as const)('POST %s with the foreign body %s is answered, and nothing changes', async ([url, body]) => {
  const { call, text, store } = await openApi();
  const before = store.current;
  expect(await call('POST', url, body)).toEqual(DONE);
  expect(text()).toBe(FILE);
  expect(globalJson(store.current)).toEqual(globalJson(before));
});

test('POST instead of PATCH changes known keys, and rejects a body with unknown ones among them', async () => {
  const { call, store } = await openApi();
  expect(await call('POST', 'paths/patch/cam', { record: 'yes' })).toEqual(DONE);
  expect(await call('POST', 'global/patch', { hls: false })).toEqual(DONE);
  expect(store.current.paths.get('cam')?.settings?.record).toBe('always');
  expect(store.current.hls).toBe(false);
  expect(await call('POST', 'global/patch', { hls: true, foo: 1 })).toEqual(refused(400, 'json: unknown field "foo"'));
});

test('a reload applies the current file, or reports its error', async () => {
  const { call, write, store } = await openApi();
  write(FILE.replace('warn # quiet', 'error'));
  expect(await call('POST', 'reload')).toEqual(DONE);
  expect(store.current.logLevel).toBe('error');
  write('hls: maybe\n');
  expect(await call('POST', 'reload')).toEqual(refused(400, "perch.yml:1: hls: 'maybe' is not yes or no"));
});

test('a body of ten megabytes is read, a larger one is not', async () => {
  const { call } = await openApi();
  const padded = (bytes: number) => `{"foo": ${' '.repeat(bytes - 10)}1}`;
  expect(await call('PATCH', 'global/patch', padded(10 << 20))).toEqual(refused(400, 'json: unknown field "foo"'));
  expect((await call('PATCH', 'global/patch', padded((10 << 20) + 1)))[0]).toBe(413);
  expect((await call('POST', 'global/patch', padded((10 << 20) + 1)))[0]).toBe(413);
});

test('one of two concurrent requests to add a path succeeds', async () => {
  const { call, text } = await openApi();
  const answers = await Promise.all([1, 2, 3].map(() => call('POST', 'paths/add/x', {})));
  expect(answers.map(([status]) => status).sort()).toEqual([200, 400, 400]);
  expect(text()).toBe(`${FILE}  x: null\n`);
});

test.for(['a'.repeat(200), '~^(front|back)/(.*)$', 'deep/er/and/deeper', '123', 'null', '__proto__', 'all_others'])(
  'a path may be called %s',
  async (name) => {
    const { call, store } = await openApi();
    const url = encodeURIComponent(name);
    expect(await call('POST', `paths/add/${url}`, { record: true })).toEqual(DONE);
    expect(await call('PATCH', `paths/patch/${url}`, { maxReaders: 2 })).toEqual(DONE);
    expect(await call('GET', `paths/get/${url}`)).toMatchObject([200, { name, record: true, maxReaders: 2 }]);
    expect(await store.reload()).toBe(true);
    expect(await call('DELETE', `paths/delete/${url}`)).toEqual(DONE);
    expect(store.current.paths.has(name)).toBe(false);
  },
);
