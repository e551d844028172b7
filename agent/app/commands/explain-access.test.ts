import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { DevicePasswords } from '../../auth/accounts/device-passwords.ts';
import { SecretKey } from '../../auth/accounts/secret-key.ts';
import { Users } from '../../auth/accounts/users.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { explainAccess } from './explain-access.ts';

async function openFolder(text?: string) {
  const folder = await mkdtemp(join(tmpdir(), 'perch-explain-'));
  if (text !== undefined) {
    await writeFile(join(folder, 'perch.yml'), text);
  }
  return {
    folder,
    say: async (words: string, ip = '192.168.1.9') => {
      const options = { words: words.split(' '), ip, dataDir: folder, cwd: folder, env: {}, keys: KEYS };
      const { lines, allowed } = await explainAccess(options);
      return { text: lines.join('\n').replaceAll(folder, '…'), allowed };
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

const USERS = `authInternalUsers:
- user: tom
  pass: hunter2
  ips: [192.168.1.0/24]
  permissions: [{action: read, path: ~^do}]
- user: any
  permissions: [{action: publish}]
paths:
  all_others:
`;

test('a damaged list of device passwords is named, and the rest is explained', async () => {
  await using box = await openFolder(USERS);
  await writeFile(join(box.folder, 'device-passwords.json'), '{');
  const { text, allowed } = await box.say('tom read door');
  expect(allowed).toBe(true);
  expect(text).toContain('fault: …/device-passwords.json is not JSON');
  expect(text).toContain('authInternalUsers[0] (tom): permitted');
});

test('a decision is explained step by step', async () => {
  await using box = await openFolder(USERS);
  expect(await box.say('tom read door')).toEqual({
    allowed: true,
    text: [
      'tom, with the right password, from 192.168.1.9, wants: read door',
      'configuration: …/perch.yml, as in MediaMTX, authMethod internal',
      'path door: follows the entry all_others',
      "1. users of this box: no user 'tom'",
      '2. authInternalUsers[0] (tom): permitted: may read ~^do from 192.168.1.0/24, with the password',
      '=> allowed',
    ].join('\n'),
  });
  const refused = await box.say('tom read door', '10.0.0.1');
  expect(refused.text.split('\n').slice(3)).toEqual([
    "1. users of this box: no user 'tom'",
    '2. authInternalUsers[0] (tom): does not match: only from 192.168.1.0/24',
    '3. authInternalUsers[1] (any): does not match: may publish, not read door',
    '=> denied',
  ]);
  expect(refused.allowed).toBe(false);
});

test('users of this box are read from the data folder', async () => {
  await using box = await openFolder();
  const users = await Users.open(box.folder);
  expect((await box.say('owner admin')).text).toContain('this box has no owner yet');
  expect((await box.say('owner admin', '127.0.0.1')).allowed).toBe(false);
  await users.setOwner('blue heron');
  expect((await box.say('owner admin')).text).toContain('with the session of the page, or name and password');
  await writeFile(join(box.folder, 'second-factor.json'), '{}');
  expect((await box.say('owner admin')).text).toContain('owner (owner) permitted, with the session of the page only');
  expect((await box.say('- api -')).text).toContain('=> denied');
});

test('if another server or a token decides, the request is shown', async () => {
  await using box = await openFolder('authMethod: http\nauthHTTPAddress: http://127.0.0.1:9/x\n');
  const { text, allowed } = await box.say('tom publish door');
  expect(allowed).toBeUndefined();
  expect(text).toContain('authHTTPAddress decides: POST');
  expect(text).toContain('path door: is not configured');
});

test.for([
  ['tom', 'usage: perch explain USER ACTION PATH'],
  ['tom watch door', "'watch' is not one of read, publish, playback, api"],
  ['tom read', 'PATH is missing: read is permitted for each path separately'],
  ['tom read door perch.yml more', "more than one configuration file: 'more'"],
  ['tom api missing.yml', 'the configuration file missing.yml does not exist'],
] as const)('perch explain %s: %s', async ([words, message]) => {
  await using box = await openFolder(USERS);
  await expect(box.say(words)).rejects.toThrow(message);
});

test('users of the file that can never match are reported as well', async () => {
  await using box = await openFolder(
    'perch: own\nauthInternalUsers:\n- {user: tom, pass: "argon2:x"}\n- {user: any}\n',
  );
  expect((await box.say('tom read door')).text.split('\n').slice(-2)).toEqual([
    'note: authInternalUsers: entries without a password (1) has no effect (perch: own)',
    'note: authInternalUsers[0].pass: not an argon2 hash: write $argon2id$v=19$m=65536,t=3,p=4$salt$hash',
  ]);
});

test('no password is shown, and an invalid address or file is reported', async () => {
  await using box = await openFolder(USERS);
  expect((await box.say('tom read door')).text).not.toContain('hunter2');
  await expect(box.say('tom api', 'here')).rejects.toThrow("--ip 'here' is not an address");
  await writeFile(join(box.folder, 'wrong.yml'), 'hls: perhaps');
  await expect(box.say('tom api wrong.yml')).rejects.toThrow("wrong.yml:1: hls: 'perhaps' is not yes or no");
});

test('a device password is a separate step, and creates nothing in the folder', async () => {
  await using box = await openFolder('perch: own\npaths:\n  door:\n  yard:\n');
  const key = await SecretKey.open(box.folder, silentLogger);
  await (await Users.open(box.folder)).setOwner('a kingfisher');
  const devices = await DevicePasswords.open(box.folder, key, systemClock, silentLogger);
  const rights = { live: true, recordings: false, publish: false, onvif: false };
  await devices.add({ name: 'Küche', paths: ['door'], ...rights }, () => false);
  expect(await box.say('kuche read door perch.yml')).toMatchObject({
    allowed: true,
    text: expect.stringContaining("device passwords: kuche belongs to 'Küche': permitted\n=> allowed"),
  });
  expect(await box.say('kuche read yard perch.yml')).toMatchObject({
    allowed: false,
    text: expect.stringContaining("device passwords: kuche belongs to 'Küche': may not read yard\n=> denied"),
  });
});
