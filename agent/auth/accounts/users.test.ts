import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepLogLines } from '../../../test/support/base/log-lines.ts';
import { silentLogger } from '../../base/log.ts';
import { forgetOwner } from './people.ts';
import { readPeople, Users } from './users.ts';

const EVE = { name: 'eve', cameras: ['door'], live: true, recordings: false } as const;
/** As in the owner's list. */
const SHOWN = { ...EVE, talk: false, turn: false, switch: false };
/** A made-up hash: reading users computes none. */
const password = { scheme: 'scrypt', n: 16_384, r: 8, p: 5, salt: `${'A'.repeat(22)}==`, hash: `${'A'.repeat(43)}=` };
const owner = { name: 'owner', role: 'owner', password };
const viewer = (name: string) => ({ ...EVE, name, role: 'viewer', password });
let folder = '';
const put = (content: object) => writeFile(join(folder, 'users.json'), JSON.stringify(content));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-users-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('a former file with only the owner loads', async () => {
  await put({ users: [owner] });
  const users = await Users.open(folder, silentLogger);
  expect([users.owner, users.viewers]).toEqual(['owner', []]);
});

test('viewers are added, changed and removed, also across a restart', async () => {
  await put({ users: [owner] });
  const users = await Users.open(folder, silentLogger);
  await users.add(EVE, 'red kite');
  await users.add({ ...EVE, name: 'Änne Müller', cameras: 'all' }, 'red kite');
  await users.change('eve', { cameras: ['yard', 'yard'], recordings: true, talk: true, switch: true });
  await users.remove('Änne Müller');
  expect(users.person('eve')?.may('playback', 'yard')).toBe(true);
  expect(users.person('eve')?.may('read', 'door')).toBe(false);
  expect((await Users.open(folder, silentLogger)).viewers).toEqual([
    { name: 'eve', cameras: ['yard'], live: true, recordings: true, talk: true, turn: false, switch: true },
  ]);
  expect(await readFile(join(folder, 'users.json'), 'utf8')).not.toContain('red kite');
});

test('a right of a later version is kept when its file is read and changed by this one', async () => {
  await put({ users: [owner, { ...viewer('eve'), fly: true }] });
  const users = await Users.open(folder, silentLogger);
  await users.change('eve', { switch: true });
  const { users: stored } = JSON.parse(await readFile(join(folder, 'users.json'), 'utf8'));
  expect(stored[1]).toMatchObject({ name: 'eve', switch: true, fly: true });
});

test('a typed name matches users in any letter case, and the exact one first', async () => {
  await put({ users: [owner, viewer('Ann'), viewer('ann'), viewer('Änne Müller')] });
  const users = await Users.open(folder, silentLogger);
  expect(['Ann', 'ann', 'ANN', 'änne müller', 'Owner', 'Bob'].map((typed) => users.nameOf(typed))).toEqual([
    ...['Ann', 'ann', 'Ann', 'Änne Müller', 'owner', 'Bob'],
  ]);
});

test('a removed viewer is restored with the same password and rights, unless the name is in use', async () => {
  await put({ users: [owner] });
  const users = await Users.open(folder, silentLogger);
  await users.add(EVE, 'red kite');
  await expect(users.restore('eve')).rejects.toThrow("no user 'eve' was removed recently");
  await users.remove('eve');
  expect(users.person('eve')).toBeUndefined();
  await users.restore('eve');
  expect([users.viewers, await users.verify('eve', 'red kite')]).toEqual([[SHOWN], true]);
  expect((await Users.open(folder, silentLogger)).viewers).toEqual([SHOWN]);
  await expect(users.restore('eve')).rejects.toThrow("no user 'eve' was removed recently");
  await users.remove('eve');
  await users.add({ ...EVE, name: 'Eve' }, 'grey heron');
  await expect(users.restore('eve')).rejects.toThrow("there is a user 'eve' already");
  await expect(users.restore('owner')).rejects.toThrow("no user 'owner' was removed recently");
});

test('a backup with any other right of a viewer differs, and rights that are off by default may be absent', () => {
  const rightsIn = (more: object) => readPeople({ users: [owner, { ...viewer('eve'), ...more }] }).get('eve')?.rights;
  const usual = rightsIn({});
  for (const right of ['talk', 'turn', 'switch']) {
    expect(rightsIn({ [right]: true })).not.toBe(usual);
    expect(rightsIn({ [right]: false })).toBe(usual);
  }
  expect(new Set(['talk', 'turn', 'switch'].map((right) => rightsIn({ [right]: true }))).size).toBe(3);
});

test.for([
  ['eve', "there is a user 'eve' already"],
  ['EVE', "there is a user 'EVE' already"],
  ['Owner', "there is a user 'Owner' already"],
  ['guest:x', 'is not a user'],
  ['a/b', 'is not a user'],
  ['', 'is not a user'],
  [' eve', 'is not a user'],
  ['eve ', 'is not a user'],
  ['a\r\nSet-Cookie: x', 'is not a user'],
  ['x'.repeat(65), 'is not a user'],
] as const)("the name '%s' is rejected", async ([name, message]) => {
  await put({ users: [owner, viewer('eve')] });
  await expect((await Users.open(folder, silentLogger)).add({ ...EVE, name }, 'red kite')).rejects.toThrow(message);
});

test('at most fifty users are kept', async () => {
  await put({ users: [owner, ...Array.from({ length: 49 }, (_, i) => viewer(`viewer${i}`))] });
  await expect((await Users.open(folder, silentLogger)).add(EVE, 'red kite')).rejects.toThrow('at most 50 are kept');
});

test('the owner is neither changed nor removed like a viewer', async () => {
  await put({ users: [owner] });
  const users = await Users.open(folder, silentLogger);
  await expect(users.change('owner', { live: false })).rejects.toThrow("there is no user 'owner' added by the owner");
  await expect(users.remove('owner')).rejects.toThrow("there is no user 'owner'");
  expect(users.owner).toBe('owner');
});

test.for<[string, object]>([
  ['two owners', { users: [owner, { ...owner, name: 'other' }] }],
  ['two of one name', { users: [owner, viewer('eve'), viewer('eve')] }],
  ['viewers and no owner', { users: [viewer('eve')] }],
  ['a viewer without rights', { users: [owner, { name: 'eve', role: 'viewer', password }] }],
  ['another role', { users: [owner, { ...viewer('eve'), role: 'admin' }] }],
  ['something else', { users: 'owner' }],
])('a file with %s locks the box, which keeps running and cannot be claimed', async ([, content]) => {
  await put(content);
  const before = await readFile(join(folder, 'users.json'), 'utf8');
  const { log, logged } = keepLogLines();
  const users = await Users.open(folder, log);
  expect(logged).toMatchObject([
    ['error', expect.stringContaining('no login works'), { cause: expect.stringContaining('is damaged') }],
  ]);
  expect([users.owner, users.viewers, users.person('owner'), users.person('eve')]).toEqual([
    ...['owner', [], undefined, undefined],
  ]);
  for (const work of [users.verify('owner', 'x'), users.add(EVE, 'red kite'), users.setPassword('owner', 'red kite')]) {
    await expect(work).rejects.toThrow('perch reset-password');
  }
  await expect(users.setOwner('red kite')).rejects.toThrow('already has an owner');
  expect(await readFile(join(folder, 'users.json'), 'utf8')).toBe(before);
});

test('a file that cannot be read locks the box, too', async () => {
  await mkdir(join(folder, 'users.json'));
  const users = await Users.open(folder, silentLogger);
  expect(users.owner).toBe('owner');
  await expect(users.verify('owner', 'x')).rejects.toThrow('users.json is damaged');
});

test('removing the owner renames a damaged file, and the box is set up again', async () => {
  await writeFile(join(folder, 'users.json'), '{');
  expect(await forgetOwner(folder)).toBe(true);
  expect(await readFile(join(folder, 'users.json.damaged'), 'utf8')).toBe('{');
  expect((await Users.open(folder, silentLogger)).owner).toBeUndefined();
});

test('removing the owner returns the box to setup, with its viewers and without sessions', async () => {
  await put({ users: [owner, viewer('eve')] });
  await writeFile(join(folder, 'sessions.json'), '{"sessions":[]}');
  expect(await forgetOwner(folder)).toBe(true);
  await expect(readFile(join(folder, 'sessions.json'))).rejects.toThrow('ENOENT');
  const users = await Users.open(folder, silentLogger);
  expect([users.owner, users.viewers.map(({ name }) => name)]).toEqual([undefined, ['eve']]);
  await users.remove('eve');
  expect((await Users.open(folder, silentLogger)).owner).toBeUndefined();
  expect(await forgetOwner(folder)).toBe(false);
});
