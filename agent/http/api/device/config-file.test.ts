import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { place } from '../../../../test/support/harness/config-place.ts';
import { LOOPBACK } from '../../../../test/support/harness/http/control-api-harness.ts';
import { openHttpHarness } from '../../../../test/support/harness/http/http-harness.ts';
import { KEYS } from '../../../../test/support/harness/loaded-config.ts';
import { WrongCredentials } from '../../../auth/throttle/wrong-credentials.ts';
import { systemClock } from '../../../base/clock.ts';
import { ApiEdits } from '../../../config/edit/api-edits.ts';
import { FileEdits } from '../../../config/edit/file-edits.ts';
import { globalJson, pathDefaultsJson, pathListJson } from '../../../config/edit/json.ts';
import { acceptAnyJson } from '../control-api.ts';
import { configRoutes } from './config.ts';
import { configFileRoutes } from './config-file.ts';

const FILE = 'perch: own\nhls: yes # for the television\npaths:\n  door:\n    source: rtsp://me:pw@192.168.1.2/1\n';
const PASSWORD = 'correct horse battery';
const ORIGIN = `http://${LOOPBACK.headers.host}`;
const HIDDEN_FILE = expect.stringMatching(/source: rtsp:\/\/me:<hidden-[0-9a-f]{12}>@192\.168\.1\.2\/1\n$/);
const basic = (user: string, password: string) => `Basic ${btoa(`${user}:${password}`)}`;

/** The file's routes and those of its settings, over a real file, with an owner and a viewer. */
async function open() {
  const files = place();
  files.write('perch.yml', FILE);
  const store = await files.open();
  const box = await openHttpHarness({ password: PASSWORD });
  onTestFinished(() => box[Symbol.asyncDispose]());
  await box.accounts.people.addUser({ name: 'ann', cameras: 'all', live: true, recordings: true }, 'another password');
  const { access, accounts } = box;
  const wrongCredentials = new WrongCredentials(systemClock, new AbortController().signal, () => 0);
  const file = new FileEdits(store, {});
  await box.app.register(configFileRoutes, { access, accounts, wrongCredentials, file });
  await box.app.register(
    async (v3) => {
      acceptAnyJson(v3);
      await v3.register(configRoutes, {
        config: {
          keys: KEYS,
          global: () => globalJson(store.current),
          pathDefaults: () => pathDefaultsJson(store.current),
          paths: () => pathListJson(store.current),
          forecast: () => ({ restarts: [], recordings: [] }),
          testSource: async () => ({ isGood: true, tracks2: [], error: null, why: null }),
        },
        edits: new ApiEdits(store, {}),
        editorOf: async ({ headers }) => ({ hasAllRights: true, user: String(headers['x-user'] ?? 'owner') }),
      });
    },
    { prefix: '/v3' },
  );
  const call = async (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, body?: object, more = {}) => {
    const headers = { ...LOOPBACK.headers, authorization: basic('owner', PASSWORD), ...more };
    const payload = body === undefined ? {} : { payload: body };
    const answer = await box.app.inject({ ...LOOPBACK, method, url: `/v3/config/${url}`, headers, ...payload });
    return { status: answer.statusCode, etag: String(answer.headers['etag']), ...answer.json() };
  };
  const loggedIn = await box.app.inject({
    ...LOOPBACK,
    method: 'POST',
    url: '/v3/session',
    payload: { password: PASSWORD },
  });
  const cookie = [loggedIn.headers['set-cookie']]
    .flat()
    .map((one) => String(one).split(';')[0])
    .join('; ');
  /** Headers of the owner's browser. */
  const session = { authorization: '', cookie, origin: ORIGIN };
  return { ...files, store, call, session };
}

test('the file is read, changed as a text and in force, and the former one is kept', async () => {
  const { call, read, store, dataDir } = await open();
  const before = await call('GET', 'file');
  expect(before).toMatchObject({ status: 200, name: 'perch.yml', text: FILE, problems: [], etag: `"${before.tag}"` });
  const text = FILE.replace('yes', 'no');
  const written = await call('PUT', 'file', { text }, { 'if-match': before.etag });
  expect(written).toMatchObject({ status: 'ok', tag: expect.not.stringMatching(before.tag) });
  expect(read('perch.yml')).toBe(text);
  expect(store.current.hls).toBe(false);
  expect(await call('GET', 'file')).toMatchObject({ text, tag: written.tag });
  const [kept] = readdirSync(dataDir).filter((name) => name.endsWith('.before'));
  expect(read(join('data', kept ?? ''))).toBe(FILE);
});

test('a session sees the file without its passwords, and saving it so keeps them', async () => {
  const { call, read, session } = await open();
  const hidden = await call('GET', 'file', undefined, session);
  expect(hidden).toMatchObject({ status: 200, text: HIDDEN_FILE, passwordsHidden: true });
  expect(JSON.stringify(hidden)).not.toContain('me:pw');
  const match = { ...session, 'if-match': hidden.etag };
  expect(await call('PUT', 'file', { text: hidden.text }, match)).toMatchObject({ status: 'ok' });
  expect(read('perch.yml')).toBe(FILE);
  const text = hidden.text.replace('yes', 'no');
  expect(await call('POST', 'file/check', { text }, session)).toMatchObject({ usable: true, problems: [] });
  expect(await call('PUT', 'file', { text }, match)).toMatchObject({ status: 'ok' });
  expect(read('perch.yml')).toBe(FILE.replace('yes', 'no'));
});

test('a session sees the passwords for the password of its user, and changes one by typing it', async () => {
  const { call, read, session } = await open();
  const wrong = await call('POST', 'file/passwords', { password: 'a guess' }, session);
  expect(wrong).toMatchObject({ status: 'error', error: 'wrong password' });
  const shown = await call('POST', 'file/passwords', { password: PASSWORD }, session);
  expect(shown).toMatchObject({ status: 200, text: FILE, passwordsHidden: false, etag: `"${shown.tag}"` });
  const text = FILE.replace('me:pw', 'me:new');
  expect(await call('PUT', 'file', { text }, { ...session, 'if-match': shown.etag })).toMatchObject({ status: 'ok' });
  expect(read('perch.yml')).toBe(text);
});

test('a placeholder without its password is rejected, and the file stays', async () => {
  const { call, read, session } = await open();
  const { etag } = await call('GET', 'file', undefined, session);
  const text = FILE.replace('me:pw', 'me:<hidden-0123456789ab>');
  const error = expect.stringContaining("'<hidden-0123456789ab>' stands for a password that is not in the file");
  expect(await call('PUT', 'file', { text }, { ...session, 'if-match': etag })).toMatchObject({ error });
  expect(await call('POST', 'file/check', { text }, session)).toMatchObject({ error });
  expect(read('perch.yml')).toBe(FILE);
});

test('a text is judged with line, column and words, and nothing is written', async () => {
  const { call, read, dataDir } = await open();
  const text = 'perch: own\nhls: maybe\npaths:\n  door:\n    recor: yes\n';
  expect(await call('POST', 'file/check', { text })).toMatchObject({
    usable: false,
    problems: [
      { severity: 'error', key: 'hls', line: 2, column: 6, message: "'maybe' is not yes or no" },
      { severity: 'error', key: 'paths.door.recor', line: 5, column: 5 },
    ],
  });
  expect(await call('POST', 'file/check', { text: FILE })).toMatchObject({ usable: true, problems: [] });
  expect(await call('POST', 'file/check', { text: 'a: [' })).toMatchObject({ usable: false });
  expect(await call('POST', 'file/check', { text: ' \n' })).toMatchObject({ usable: false });
  expect(read('perch.yml')).toBe(FILE);
  expect(readdirSync(dataDir).filter((name) => name.endsWith('.before'))).toEqual([]);
});

test.for([
  ['a value that is wrong', { text: 'hls: maybe\n' }, "perch.yml:1: hls: 'maybe' is not yes or no"],
  ['a path that is wrong', { text: 'paths: {a: {record: perhaps}}\n' }, 'perch.yml:1: paths.a.record'],
  ['no YAML', { text: 'hls: [\n' }, 'perch.yml:'],
  ['nothing', { text: '\n' }, 'the configuration file cannot be empty'],
  ['a body without text', { txt: 'x' }, 'text'],
] as const)('%s is rejected with its reason, and the file stays', async ([, body, reason]) => {
  const { call, read } = await open();
  const { etag } = await call('GET', 'file');
  const answer = await call('PUT', 'file', body, { 'if-match': etag });
  expect(answer.error).toContain(reason);
  expect(read('perch.yml')).toBe(FILE);
});

test('a text without the tag of its original is rejected', async () => {
  const { call } = await open();
  expect((await call('PUT', 'file', { text: FILE })).error).toContain('If-Match is missing');
  expect((await call('PUT', 'file', { text: FILE }, { 'if-match': 'abc' })).error).toContain("If-Match 'abc' is not");
});

test("saving a text over another person's change is rejected with the person and the change, and overwrites nothing", async () => {
  const { call, read } = await open();
  const { etag } = await call('GET', 'file');
  await call('PATCH', 'paths/patch/door', { record: true }, { 'x-user': 'bob' });
  const refused = await call('PUT', 'file', { text: 'hls: no\n' }, { 'if-match': etag });
  expect(refused).toMatchObject({
    status: 'error',
    error: 'bob has changed record meanwhile',
    conflicts: [{ path: 'door', key: 'record', by: 'API', user: 'bob', time: expect.stringMatching(/^\d{4}-/) }],
  });
  const text = read('perch.yml').replace('yes', 'no');
  expect(text).toContain('record: true');
  expect(await call('PUT', 'file', { text }, { 'if-match': `"${refused.tag}"` })).toMatchObject({ status: 'ok' });
});

test('an edit by hand counts from the moment it is saved', async () => {
  const { call, write } = await open();
  const { etag } = await call('GET', 'file');
  write('perch.yml', FILE.replace('yes', 'no'));
  expect(await call('PUT', 'file', { text: FILE }, { 'if-match': etag })).toMatchObject({
    error: 'an editor of the file has changed hls meanwhile',
  });
  expect(await call('PATCH', 'global/patch', { hls: true }, { 'if-match': etag })).toMatchObject({
    conflicts: [{ path: null, key: 'hls', value: false, by: 'file', user: null }],
  });
});

test("a form with another person's changed key gets its value, the person and the time; its other keys are saved", async () => {
  const { call, store } = await open();
  const { etag } = await call('GET', 'paths/get/door');
  const mine = { 'if-match': etag };
  await call('PATCH', 'paths/patch/door', { recordDeleteAfter: '14d', maxReaders: 3 }, { 'x-user': 'bob' });
  await call('PATCH', 'pathdefaults/patch', { recordDeleteAfter: '9d' }, { 'x-user': 'bob' });
  expect(await call('PATCH', 'paths/patch/door', { recordDeleteAfter: '30d', record: true }, mine)).toMatchObject({
    status: 'error',
    error: 'bob has changed recordDeleteAfter meanwhile',
    conflicts: [{ path: 'door', key: 'recordDeleteAfter', value: '14d', by: 'API', user: 'bob' }],
  });
  expect(store.current.paths.get('door')?.settings?.record).toBe('no');
  const taken = await call('PATCH', 'paths/patch/door', { record: true, maxReaders: 3 }, mine);
  expect(taken).toMatchObject({ status: 'ok' });
  expect(await call('PATCH', 'pathdefaults/patch', { recordDeleteAfter: '1d' }, mine)).toMatchObject({
    conflicts: [{ path: null, key: 'pathDefaults.recordDeleteAfter', user: 'bob' }],
  });
  const again = { 'if-match': taken.etag };
  expect(await call('PATCH', 'paths/patch/door', { recordDeleteAfter: '30d' }, again)).toMatchObject({ status: 'ok' });
});

test('a path that another client has changed is not removed, and one that it has added is not replaced', async () => {
  const { call, store } = await open();
  const { etag } = await call('GET', 'global/get');
  const mine = { 'if-match': etag };
  await call('PATCH', 'paths/patch/door', { record: true }, { 'x-user': 'bob' });
  await call('POST', 'paths/add/gate', {}, { 'x-user': 'bob' });
  expect(await call('DELETE', 'paths/delete/door', undefined, mine)).toMatchObject({ conflicts: [{ key: 'record' }] });
  expect((await call('DELETE', 'paths/delete/gate', undefined, mine)).error).toContain('bob has changed');
  expect((await call('POST', 'paths/replace/gate', { record: true }, mine)).error).toContain('bob has changed');
  expect([...store.current.paths.keys()]).toEqual(['door', 'gate']);
});

test('with an unknown tag no value is overwritten, and no person is named', async () => {
  const { call } = await open();
  const old = { 'if-match': '"0123456789abcdef"' };
  expect(await call('PATCH', 'global/patch', { hls: true }, old)).toMatchObject({ status: 'ok' });
  expect(await call('PATCH', 'global/patch', { hls: false }, old)).toMatchObject({
    error: 'another user has changed hls meanwhile',
    conflicts: [{ key: 'hls', value: true, by: null, user: null, time: null }],
  });
});

test('the conflict shows no password', async () => {
  const { call } = await open();
  const { etag } = await call('GET', 'global/get');
  await call('PATCH', 'paths/patch/door', { source: 'rtsp://me:hunter2@192.168.1.3/1' });
  const answer = await call('PATCH', 'paths/patch/door', { source: 'rtsp://other/1' }, { 'if-match': etag });
  expect(answer.conflicts).toMatchObject([{ key: 'source', value: 'rtsp://192.168.1.3/1' }]);
  expect(JSON.stringify(answer)).not.toContain('hunter2');
});

test.for([
  ['nobody', {}],
  ['a viewer', { authorization: basic('ann', 'another password') }],
] as const)('%s may not read the file', async ([, headers]) => {
  const { call } = await open();
  const outside = { authorization: '', ...headers };
  for (const [method, url] of [
    ['GET', 'file'],
    ['POST', 'file/check'],
    ['POST', 'file/passwords'],
    ['PUT', 'file'],
  ] as const) {
    const answer = await call(method, url, method === 'GET' ? undefined : { text: FILE }, outside);
    expect(JSON.stringify(answer)).not.toContain('192.168.1.2');
    expect(answer).toMatchObject({ status: 'error', error: 'authentication error' });
  }
});
