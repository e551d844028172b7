import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { featuresWith } from '../../../test/features/notify/support/features-with.ts';
import { openNtfyServer } from '../../../test/features/notify/support/ntfy-server.ts';
import { keepLogLines } from '../../../test/support/base/log-lines.ts';
import { pictureOf, type SnapshotCamera, startSnapshotCamera } from '../../../test/support/cameras/snapshot-camera.ts';
import { openAdoptionHarness } from '../../../test/support/harness/adoption-harness.ts';
import { openHttpSink } from '../../../test/support/servers/http-sink.ts';
import { BackupMembers } from '../../app/device/backup-members.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { Channels } from './channels/channels.ts';
import { notify } from './feature.ts';

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 20 });
const PICTURE = pictureOf(20_000, 9);
const RULES = [{ cameras: 'all', kinds: ['person', 'doorbell', 'disk'] }];
const HIDDEN = '<redacted>';
const NAME = 'Tür "A"';

let camera: SnapshotCamera;
beforeAll(async () => {
  camera = await startSnapshotCamera({ profiles: { main: { width: 640, picture: PICTURE } } });
});
afterAll(() => camera[Symbol.asyncDispose]());

type Item = Record<string, unknown> & { readonly id: string; readonly settings: Record<string, unknown> };

async function open() {
  const paths = `paths:\n  door:\n    camera: {onvif: "${camera.url}", name: '${NAME}'}\n  yard:\n`;
  const box = await openAdoptionHarness({}, paths, { features: featuresWith({ sending: { timeoutMs: 3_000 } }) });
  const channel = (settings: object, more: object = {}) => ({
    ...{ name: 'One', language: 'en', page: 'https://perch.example.net/', rules: RULES, settings, ...more },
  });
  const add = (settings: object, more: object = {}) =>
    box.call('POST', '/notifications/channels', channel(settings, more));
  return {
    ...{ box, channel, add },
    list: async () => (await box.call('GET', '/notifications/channels')).body['items'] as Item[],
    change: (id: unknown, body: object) => box.call('PATCH', `/notifications/channels/${id}`, body),
    tried: async (id: unknown) => (await box.call('POST', `/notifications/channels/${id}/test`, {})).body['problem'],
    report: (more: object = {}) => box.call('POST', '/events', { path: 'door', type: 'person', ...more }),
    [Symbol.asyncDispose]: () => box[Symbol.asyncDispose](),
  };
}

/** For tests that leave nothing but channels. */
let common: Awaited<ReturnType<typeof open>>;
beforeAll(async () => {
  common = await open();
});
afterEach(async () => {
  for (const { id } of await common.list()) {
    await common.box.call('DELETE', `/notifications/channels/${id}`, {});
  }
});
afterAll(() => common[Symbol.asyncDispose]());

const hook = (url: string, more: object = {}) => ({
  ...{
    kind: 'webHook',
    method: 'POST',
    url,
    headers: '',
    type: 'json',
    body: '{"text": "{text}"}',
    secret: '',
    ...more,
  },
});
const ntfy = (url: string, more: object = {}) => ({ kind: 'ntfy', url, token: '', ...more });

test('ntfy gets title, text, tags, priority, link and the picture as attachment', async () => {
  await using server = await openNtfyServer({ token: 'tk_secret' });
  await common.add(ntfy(`${server.url}/garden`, { token: 'tk_secret' }));
  await common.report({ type: 'doorbell', text: '門口' });
  await until(() => expect(server.messages).toHaveLength(1));
  const [message] = server.messages;
  expect(message).toMatchObject({ topic: 'garden', title: NAME, priority: 4, tags: ['bell', 'doorbell'] });
  expect(message?.message).toMatch(/^Doorbell · 門口\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  expect(message?.click).toMatch(/^https:\/\/perch\.example\.net\/#\/rec\/door\?t=\d{4}-/);
  expect(message?.attachment?.equals(PICTURE)).toBe(true);
});

test('an ntfy server without attachments gets the message without its picture', async () => {
  await using server = await openNtfyServer({ attachments: false });
  await common.add(ntfy(`${server.url}/garden`));
  await common.report();
  await until(() => expect(server.messages).toMatchObject([{ title: NAME, attachment: undefined }]));
  expect(server.messages[0]?.message).toMatch(/^Person\n/);
});

test.for([
  ['with a user', { token: 'phil:tk_secret' }, null],
  ['with a wrong token', { token: 'tk_other' }, /rejects the token or password \(401\): .*unauthorized/],
  ['without a token', {}, /rejects the token or password \(403\)/],
] as const)('ntfy %s', async ([, more, problem]) => {
  await using server = await openNtfyServer({ token: 'tk_secret' });
  const { body } = await common.add(ntfy(`${server.url}/garden`, more));
  const found = await common.tried(body['id']);
  expect(found).toEqual(problem === null ? null : expect.stringMatching(problem));
});

test('a web hook sends JSON in which every value is escaped, and its headers', async () => {
  await using sink = await openHttpSink();
  const body =
    '{"camera": "{camera}", "kind": "{kind}", "time": "{time}", "text": "{text}", "link": "{link}", "is": {picture?true|false}}';
  const headers = 'X-Key: {secret}\nX-Title: {camera}\nContent-Type: application/vnd.test+json';
  await common.add(hook(`${sink.url}/hook/{secret}?c={camera}`, { body, headers, secret: '12:ab/c' }));
  await common.report({ text: '"a"\\\nb' });
  await until(() => expect(sink.requests).toHaveLength(1));
  const [request] = sink.requests;
  expect([request?.method, request?.target]).toEqual(['POST', '/hook/12:ab%2Fc?c=T%C3%BCr%20%22A%22']);
  expect(request?.headers).toMatchObject({
    ...{ 'x-key': '12:ab/c', 'content-type': 'application/vnd.test+json' },
    'x-title': Buffer.from(NAME).toString('latin1'),
  });
  expect(JSON.parse(String(request?.body))).toEqual({
    ...{ camera: NAME, kind: 'person', text: 'Person · "a"\\\nb', is: true },
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    link: expect.stringContaining('https://perch.example.net/#/rec/door?t='),
  });
});

test('a web hook sends a form, text, or multipart with the picture', async () => {
  await using sink = await openHttpSink();
  const body = 'a b={text}\\n{camera}\nempty=\nfile={picture}';
  await common.add(hook(`${sink.url}/form`, { type: 'form', body }));
  await common.add(hook(`${sink.url}/text`, { type: 'text', method: 'PUT', body: '{camera}: {text}' }));
  await common.add(hook(`${sink.url}/multipart`, { type: 'multipart', body }));
  await common.add(hook(`${sink.url}/get?c={kind}`, { method: 'GET', body: '' }));
  await common.report({ text: 'x&y=ü' });
  await until(() => expect(sink.requests).toHaveLength(4));
  const of = (name: string) => sink.requests.find(({ target }) => target.startsWith(`/${name}`));
  const form = new URLSearchParams(String(of('form')?.body));
  expect(of('form')?.headers['content-type']).toBe('application/x-www-form-urlencoded');
  expect([...form.keys()]).toEqual(['a b', 'empty', 'file']);
  expect(form.get('a b')).toBe(`Person · x&y=ü\n${NAME}`);
  expect(Buffer.from(form.get('file') ?? '', 'base64').equals(PICTURE)).toBe(true);
  expect(of('text')).toMatchObject({ method: 'PUT', headers: { 'content-type': 'text/plain; charset=utf-8' } });
  expect(String(of('text')?.body)).toBe(`${NAME}: Person · x&y=ü`);
  const { body: bytes = Buffer.alloc(0), headers = {} } = of('multipart') ?? {};
  const parts = await new Response(new Uint8Array(bytes), {
    headers: { 'Content-Type': headers['content-type'] ?? '' },
  }).formData();
  expect(parts.get('a b')).toBe(`Person · x&y=ü\r\n${NAME}`.replace('\r', ''));
  const file = parts.get('file') as File;
  expect([file.name, file.type]).toEqual(['picture.jpg', 'image/jpeg']);
  expect(Buffer.from(await file.arrayBuffer()).equals(PICTURE)).toBe(true);
  expect(of('get')).toMatchObject({ method: 'GET', target: '/get?c=person', body: Buffer.alloc(0) });
});

test('without a picture the file is absent and the template takes its other text', async () => {
  await using sink = await openHttpSink();
  const body = 'photo={picture}\ntext={text}';
  await common.add(hook(`${sink.url}/{picture?sendPhoto|sendMessage}`, { type: 'multipart', body }));
  await common.report({ path: 'yard' });
  await until(() => expect(sink.requests.map(({ target }) => target)).toEqual(['/sendMessage']));
  expect(String(sink.requests[0]?.body)).not.toContain('photo');
});

test('every preset is a row of the guide, and a template whose settings are valid once its blanks are filled', async () => {
  const { presets } = (await common.box.call('GET', '/notifications/channels')).body as {
    presets: { name: string; settings: Record<string, unknown> }[];
  };
  const guide = readFileSync(join(import.meta.dirname, '../../../docs/guide/notifications.md'), 'utf8');
  const [, table = ''] = /^\| Service \| .*\n\|[-|]+\n((?:\|.*\n)+)/m.exec(guide) ?? [];
  expect([...table.matchAll(/^\| ([^|]+) \|/gm)].map(([, name]) => name)).toEqual(presets.map(({ name }) => name));
  const blanks: Record<string, object> = {
    email: { host: 'mail.example.net', from: 'a@example.net', to: ['b@example.net'] },
    ntfy: { url: 'https://ntfy.sh/topic' },
  };
  for (const { name, settings } of presets) {
    const filled = {
      ...settings,
      ...blanks[String(settings['kind'])],
      ...(name === 'Web hook' && { url: 'https://x.example/' }),
    };
    const { status, body } = await common.add(filled, { name });
    expect([name, status, body['error']]).toEqual([name, 200, undefined]);
    await common.box.call('DELETE', `/notifications/channels/${body['id']}`, {});
  }
  expect(await common.list()).toEqual([]);
});

test.for([
  ['an unknown placeholder', hook('http://127.0.0.1/', { body: '{"a": "{nope}"}' }), 'unknown placeholder {nope}'],
  ['a body that is no JSON', hook('http://127.0.0.1/', { body: '{"a": {text}}' }), 'body: it is not JSON'],
  ['a field without =', hook('http://127.0.0.1/', { type: 'form', body: 'abc' }), "'abc' is not name=value"],
  ['a placeholder as host', hook('http://{camera}/'), 'without login or placeholder'],
  ['a password in the address of ntfy', ntfy('https://:tk@ntfy.sh/topic'), 'url: it has no login'],
  ['a login in the address', hook('http://a:b@127.0.0.1/'), 'without login or placeholder'],
  ['a header of the connection', hook('http://127.0.0.1/', { headers: 'Host: x' }), "'Host' is not Name: value"],
  ['another protocol', hook('file:///etc/passwd'), 'settings.url has the wrong form (address with http or https'],
  ['ntfy without a topic', ntfy('https://ntfy.sh/'), 'ends with the topic'],
  ['a masked secret of nothing', ntfy('https://ntfy.sh/a', { token: HIDDEN }), 'a secret that is not set'],
  ['an unknown kind', { kind: 'fax' }, 'settings.kind is none of email, ntfy'],
] as const)('%s is rejected, with the reason', async ([, settings, reason]) => {
  const { status, body } = await common.add(settings);
  expect([status, body['error']]).toEqual([400, expect.stringContaining(reason)]);
  expect(await common.list()).toEqual([]);
});

test('secrets appear in no answer, log line or support bundle, and the file is private', async () => {
  const answer = ({ target }: { target: string }) => ({ status: 404, text: `no ${target} pass-word-1` });
  await using sink = await openHttpSink(answer);
  await using it = await open();
  const secrets = ['pass-word-1', 'tk_topic_token', 'garden-topic', 'hook-token', 'header-token', 'bot-secret'];
  await it.add({
    ...{ kind: 'email', host: '127.0.0.1', port: 1, security: 'tls', user: 'ann', password: 'pass-word-1' },
    ...{ from: 'a@example.net', to: ['b@example.net'] },
  });
  await it.add(ntfy(`${sink.url}/garden-topic`, { token: 'tk_topic_token' }));
  const headers = 'Authorization: Bearer header-token';
  await it.add(hook(`${sink.url}/hook-token/x?y=hook-token`, { headers, secret: 'bot-secret' }));
  await it.add(hook(`${sink.url}/{secret}`, { secret: 'bot-secret', body: '{"a": "{secret}"}' }));
  await it.report();
  await until(async () => expect((await it.list()).map(({ problem }) => problem)).not.toContain(null));
  const bundle = await it.box.ask('GET', '/diagnostics', undefined, { cookie: it.box.cookie });
  const shown = [
    JSON.stringify(await it.list()),
    it.box.log.join('\n'),
    gunzipSync(bundle.bytes).toString(),
    JSON.stringify((await it.box.call('GET', '/log?itemsPerPage=1000')).body),
  ];
  // The mail server's password is not the hook's secret.
  for (const secret of secrets.slice(1)) {
    expect(
      shown.map((text) => text.includes(secret)),
      secret,
    ).toEqual([false, false, false, false]);
  }
  expect(shown[0]).not.toContain('"pass-word-1"');
  expect((await it.list()).map(({ settings }) => settings)).toMatchObject([
    { password: HIDDEN },
    { url: `${sink.url}/${HIDDEN}`, token: HIDDEN },
    { url: `${sink.url}/${HIDDEN}`, headers: `Authorization: ${HIDDEN}`, secret: HIDDEN },
    { url: `${sink.url}/{secret}`, secret: HIDDEN },
  ]);
  const file = join(it.box.folder, 'data', 'notify-channels.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).toContain('bot-secret');
});

test('shown settings can be sent back: masked secrets stay, unless the server is another one', async () => {
  await using sink = await openHttpSink();
  await common.add(hook(`${sink.url}/hook-token`, { headers: 'X-A: header-token\nX-B: {kind}', secret: 'abcd' }));
  const [one] = await common.list();
  const settings = { ...one?.settings, body: '{"a": "{secret}"}' };
  expect((await common.change(one?.id, { settings, name: 'Two' })).status).toBe(200);
  await common.report();
  await until(() => expect(sink.requests).toHaveLength(1));
  expect(sink.requests[0]).toMatchObject({
    target: '/hook-token',
    headers: { 'x-a': 'header-token', 'x-b': 'person' },
  });
  expect(String(sink.requests[0]?.body)).toBe('{"a": "abcd"}');
  const elsewhere = { ...settings, url: 'http://127.0.0.1:1/hook' };
  expect(await common.change(one?.id, { settings: elsewhere })).toMatchObject({
    status: 400,
    body: { error: expect.stringContaining('a secret of another server'), why: 'password' },
  });
  expect(await common.list()).toMatchObject([{ name: 'Two', settings: { url: `${sink.url}/${HIDDEN}` } }]);
});

test('rules and snooze count at once; a removed channel is silent', async () => {
  await using sink = await openHttpSink();
  const { body } = await common.add(hook(`${sink.url}/`, { body: '{"id": "{id}"}' }));
  const { id } = body;
  expect((await common.change(id, { snoozeMinutes: 60 })).body['snoozedUntil']).toMatch(/^\d{4}-/);
  await common.report({ id: 'e1' });
  await common.change(id, { snoozeMinutes: 0, rules: [{ cameras: ['door'], kinds: ['doorbell'] }] });
  await common.report({ id: 'e2' });
  await common.report({ id: 'e3', type: 'doorbell' });
  await until(() => expect(sink.requests.map(({ body }) => String(body))).toEqual(['{"id": "e3"}']));
  await common.box.call('DELETE', `/notifications/channels/${id}`, {});
  expect((await common.box.call('POST', `/notifications/channels/${id}/test`, {})).status).toBe(404);
});

test.for([
  [301, 'redirects (301)'],
  [404, 'rejects the message (404): <b> no'],
  [503, 'has a fault of its own (503)'],
] as const)('the test says what is wrong when the server answers %d', async ([status, problem]) => {
  await using it = await open();
  await using sink = await openHttpSink(() => ({
    status,
    text: '<b> no',
    headers: { Location: 'http://127.0.0.1:1/' },
  }));
  const { body } = await it.add(hook(sink.url));
  expect(await it.tried(body['id'])).toContain(problem);
  expect(sink.requests).toHaveLength(1);
});

test('a server that takes no picture of this size gets the text', async () => {
  await using sink = await openHttpSink(({ target }) => ({ status: target === '/sendPhoto' ? 413 : 200 }));
  const body = 'photo={picture}\ntext={text}';
  await common.add(hook(`${sink.url}/{picture?sendPhoto|sendMessage}`, { type: 'multipart', body }));
  await common.report();
  await until(() => expect(sink.requests.map(({ target }) => target)).toEqual(['/sendPhoto', '/sendMessage']));
});

test('the test says what is wrong without an answer', async () => {
  await using it = await open();
  const [none, https] = [await it.add(hook('http://127.0.0.1:1/x')), await it.add(hook('http://nowhere.invalid/'))];
  expect(await it.tried(none.body['id'])).toBe('nothing answers at 127.0.0.1:1');
  expect(await it.tried(https.body['id'])).toMatch(/^the name of nowhere\.invalid is not found/);
});

test('only the owner has channels, because they reach the own network', async () => {
  await common.box.call('POST', '/users', { name: 'ann', password: 'a red kite', recordings: true });
  const { headers } = await common.box.ask('POST', '/session', { user: 'ann', password: 'a red kite' });
  const cookie = headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ');
  const settings = hook('http://127.0.0.1:1/');
  expect((await common.box.ask('POST', '/notifications/channels', common.channel(settings), { cookie })).status).toBe(
    401,
  );
  expect((await common.box.ask('GET', '/notifications/channels', undefined, { cookie })).status).toBe(401);
});

test('the backup has the channels, with their secrets', async () => {
  await using it = await open();
  await it.add(ntfy('https://ntfy.sh/garden', { token: 'tk_secret' }));
  const members = await new BackupMembers(notify.backup ?? []).read(join(it.box.folder, 'data'), silentLogger);
  expect(members.find(({ name }) => name === 'notify-channels.json')?.text).toContain('tk_secret');
});

test('channels are there after a restart, and a damaged file is reported', async () => {
  await using sink = await openHttpSink();
  await using it = await open();
  await it.add(hook(`${sink.url}/`));
  const deps = {
    ...{ dataDir: join(it.box.folder, 'data'), clock: systemClock, sending: undefined, localTime: () => '' },
  };
  expect((await Channels.open({ ...deps, log: silentLogger })).list()).toMatchObject([{ name: 'One' }]);
  writeFileSync(join(deps.dataDir, 'notify-channels.json'), '{"channels": [{}]}');
  const { log, logged } = keepLogLines();
  expect((await Channels.open({ ...deps, log })).list()).toEqual([]);
  expect(logged).toMatchObject([['error', expect.stringContaining('the file is damaged'), {}]]);
  expect(readFileSync(join(deps.dataDir, 'notify-channels.json.damaged'), 'utf8')).toBe('{"channels": [{}]}');
});

test('there are ten channels at most', async () => {
  for (let i = 0; i < 10; i++) {
    expect((await common.add(hook('http://127.0.0.1:1/'))).status).toBe(200);
  }
  expect((await common.add(hook('http://127.0.0.1:1/'))).status).toBe(507);
});
