import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { PASSWORD, startRestartingHarness } from '../../../test/support/base/restarting-harness.ts';
import { CONFIG, changed, type Document, done, open, viewer } from '../../../test/support/harness/backups.ts';

const member = ({ members }: Document, name: string) => members.find((one) => one.name === name) ?? { name, text: '' };

const common = startRestartingHarness({ config: CONFIG });
afterAll(async () => (await common)[Symbol.asyncDispose]());

test.for([
  ['no configuration', (one: Document) => one.members.splice(0, 1), 'has no perch.yml'],
  [
    'a wrong configuration',
    (one: Document) => {
      member(one, 'perch.yml').text = 'perch: own\nlogLevel: loud\n';
    },
    'perch.yml of the backup: perch.yml:2',
  ],
  [
    'an empty configuration',
    (one: Document) => {
      member(one, 'perch.yml').text = ' \n';
    },
    'perch.yml of the backup: it is empty',
  ],
  [
    'invalid users',
    (one: Document) => {
      member(one, 'users.json').text = '{"users":[{"name":"owner"}]}';
    },
    'users.json of the backup is damaged',
  ],
  [
    'no owner',
    (one: Document) => {
      member(one, 'users.json').text = '{"users":[]}';
    },
    'users.json of the backup is damaged: it has no owner',
  ],
  [
    'an invalid key',
    (one: Document) => {
      member(one, 'secret.json').text = '{"key":""}';
    },
    'secret.json of the backup is damaged',
  ],
  [
    'something else than JSON',
    (one: Document) => {
      member(one, 'secret.json').text = 'hello';
    },
    'secret.json of the backup is damaged',
  ],
  [
    'an invalid certificate',
    (one: Document) => one.members.push({ name: 'tls/server.pem', text: 'hello' }),
    'tls/server.pem of the backup is damaged',
  ],
  [
    'invalid protections',
    (one: Document) => one.members.push({ name: 'protected.json', text: '{"version":1,"ranges":[{}]}' }),
    'protected.json of the backup is damaged',
  ],
  [
    'a member that leads elsewhere',
    (one: Document) => one.members.push({ name: '../users.json', text: '' }),
    "a member '../users.json'",
  ],
] as const)('a backup with %s is rejected with the reason, and nothing is written', async ([, change, reason]) => {
  const box = await common;
  const wrong = changed(await box.backup(), change);
  const before = box.files();
  for (const path of ['restore/check', 'restore']) {
    const { status, body } = await box.ask('POST', path, wrong);
    expect([status, (body as { error: string }).error]).toEqual([400, expect.stringContaining(reason)]);
  }
  expect(box.files()).toEqual(before);
});

test('an invalid camera in the backup is reported, and does not affect the others', async () => {
  const box = await open();
  const backup = changed(await box.backup(), (one) => {
    member(one, 'perch.yml').text += '  gate:\n    source: nonsense://\n';
  });
  const { body } = await box.ask('POST', 'restore/check', backup);
  expect((body as { problems: string[] }).problems).toEqual([expect.stringContaining('gate')]);
  await box.ask('POST', 'restore', backup);
  await box.restarted();
  expect((await box.ask('GET', 'config/paths/get/door')).status).toBe(200);
});

test('one of two concurrent restores is rejected', async () => {
  const box = await open();
  const backup = await box.backup();
  const answers = await Promise.all([box.ask('POST', 'restore', backup), box.ask('POST', 'restore', backup)]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  await box.restarted();
  expect((await box.ask('GET', 'users')).status).toBe(200);
});

test('only one backup is received at a time, and a disconnect releases the reservation', async () => {
  const box = await open();
  const backup = await box.backup();
  const slow = request(`${box.url}/v3/restore/check`, {
    method: 'POST',
    headers: {
      ...{ cookie: box.cookie, 'Sec-Fetch-Site': 'same-origin', 'Content-Type': 'application/octet-stream' },
      ...{ 'Content-Length': String(backup.length), Expect: '100-continue' },
    },
  });
  slow.on('error', () => {});
  onTestFinished(() => void slow.destroy());
  slow.flushHeaders();
  // It has been seen, and the first byte of its body is still to come.
  await once(slow, 'continue');
  expect((await box.ask('POST', 'restore/check', backup)).status).toBe(409);
  slow.destroy();
  await expect.poll(async () => (await box.ask('POST', 'restore/check', backup)).status).toBe(200);
});

test.for(['perch.yml', 'users.json', 'protected.json'])(
  '%s of millions of parts is rejected before it is parsed',
  async (name) => {
    const box = await common;
    const wrong = changed(await box.backup(), (one) => {
      one.members = [
        ...one.members.filter((other) => other.name !== name),
        { name, text: `[${'{},'.repeat(900_000)}{}]` },
      ];
    });
    const { status, body } = await box.ask('POST', 'restore/check', wrong);
    expect([status, (body as { error: string }).error]).toEqual([400, expect.stringMatching(`^${name} .* parts$`)]);
  },
);

test('nothing is written if nothing would restart Perch', async () => {
  const box = await open({ config: CONFIG, isAlone: true });
  const backup = await box.backup();
  const before = box.files();
  expect((await box.ask('POST', 'restore', backup)).status).toBe(501);
  expect(box.files()).toEqual(before);
});

test('a backup contains the configuration in effect, not an invalid file', async () => {
  const box = await open();
  const good = box.files()['config'] ?? '';
  writeFileSync(join(box.dataDir, '../perch.yml'), 'logLevel: loud\n');
  const document = JSON.parse(gunzipSync(await box.backup()).toString()) as Document;
  expect(member(document, 'perch.yml').text).toBe(good);
});

test('it is not cached, has its own name, and is for the owner only', async () => {
  const box = await open();
  const { headers } = await box.ask('POST', 'backup', { password: PASSWORD });
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('content-disposition')).toMatch(
    /^attachment; filename="perch-[\w-]+-\d{4}-\d\d-\d\d\.perchbackup"$/,
  );
  await done(box, 'POST', 'users', viewer('ann'));
  await done(box, 'POST', 'session', { user: 'ann', password: 'password of ann' });
  expect((await box.ask('GET', 'backup')).status).toBe(401);
  expect((await box.ask('POST', 'backup', { password: 'password of ann' })).status).toBe(401);
  box.cookie = '';
  expect((await box.ask('GET', 'backup')).status).toBe(401);
});

test('a session gets it for the password of its owner only, other programs with their login', async () => {
  const box = await open();
  expect((await box.ask('GET', 'backup')).status).toBe(403);
  expect(await box.ask('POST', 'backup', { password: 'a guess' })).toMatchObject({
    status: 403,
    body: { error: 'wrong password' },
  });
  expect((await box.ask('POST', 'backup', {})).status).toBe(400);
  box.cookie = '';
  const authorization = `Basic ${btoa(`owner:${PASSWORD}`)}`;
  expect((await box.ask('GET', 'backup', undefined, { authorization })).status).toBe(200);
});

test('a body that is empty, too large or of another type is rejected', async () => {
  const box = await open();
  expect(await box.ask('POST', 'restore', { backup: 1 })).toMatchObject({
    status: 415,
    body: { error: 'the body has to be a file, with Content-Type: application/octet-stream' },
  });
  expect((await box.ask('POST', 'restore')).status).toBe(400);
  expect((await box.ask('POST', 'restore/check', new Uint8Array(5 << 20))).status).toBe(413);
  expect((await box.ask('POST', 'restore/check', new Uint8Array(9))).body).toMatchObject({
    ...{ error: 'this is not a Perch backup', why: 'noBackup' },
  });
});
