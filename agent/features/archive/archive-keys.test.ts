import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { reviseWrites } from '../../app/device/backup-members.ts';
import { silentLogger } from '../../base/log.ts';
import { ARCHIVE_KEY_FILE, ArchiveKeys, archiveKeysHere } from './archive-keys.ts';
import { keyTextOf, newArchiveKey, parseKeyText } from './encryption/key-text.ts';
import { archive } from './feature.ts';

const open = (folder: { readonly path: string }) => ArchiveKeys.open(folder.path, silentLogger);
const textIn = (folder: { readonly path: string }, name: string): string =>
  readFileSync(join(folder.path, name), 'utf8');

test('the first key lasts, and only its owner may read the file', async () => {
  using folder = temporaryFolder();
  const keys = await open(folder);
  expect([keys.current, keys.id, keys.all]).toEqual([undefined, undefined, []]);
  await keys.makeFirst();
  const text = keys.text();
  await keys.makeFirst();
  expect(keys.text()).toBe(text);
  expect(statSync(join(folder.path, ARCHIVE_KEY_FILE)).mode & 0o777).toBe(0o600);
  const again = await open(folder);
  expect(again.current?.equals(parseKeyText(text))).toBe(true);
  expect(again.texts()).toEqual([text]);
  await again.noted();
  // On the box itself it is shown again.
  expect(await archiveKeysHere(folder.path)).toEqual([text]);
});

test('without a key the command says where it looked', async () => {
  using folder = temporaryFolder();
  await expect(archiveKeysHere(folder.path)).rejects.toThrow(`${folder.path} has no key of an archive`);
});

test('further keys decrypt, the first one encrypts', async () => {
  using folder = temporaryFolder();
  const keys = await open(folder);
  await keys.makeFirst();
  const first = keys.current;
  const typed = newArchiveKey();
  await keys.add(keyTextOf(typed));
  await keys.add(keyTextOf(typed));
  expect(keys.current).toEqual(first);
  expect(keys.all).toEqual([first, typed]);
  expect(keys.isNoted).toBe(false);
  for (let i = 0; i < 6; i += 1) {
    await keys.add(keyTextOf(newArchiveKey()));
  }
  await expect(keys.add(keyTextOf(newArchiveKey()))).rejects.toMatchObject({ code: 'exhausted' });
});

test('a damaged file stops the archive, because a new key would encrypt what the old one does not decrypt', async () => {
  using folder = temporaryFolder();
  for (const damaged of ['{}', '{"keys":[]', '{"keys":[],"isNoted":true}', '[1]']) {
    writeFileSync(join(folder.path, ARCHIVE_KEY_FILE), damaged);
    await expect(open(folder), damaged).rejects.toMatchObject({ name: 'PerchError' });
  }
});

test('without the key of the box nothing encrypts until the key is typed again', async () => {
  using folder = temporaryFolder();
  const keys = await open(folder);
  await keys.makeFirst();
  const text = keys.text();
  rmSync(join(folder.path, 'secret.json'));
  const lost = await open(folder);
  await lost.makeFirst();
  expect([lost.current, lost.all, lost.id]).toEqual([undefined, [], keys.id]);
  expect(() => lost.texts()).toThrow('cannot be read');
  await lost.add(text);
  expect(lost.texts()).toEqual([text]);
  expect(lost.isNoted).toBe(true);
});

test('keys that are added at the same time all last', async () => {
  using folder = temporaryFolder();
  const keys = await open(folder);
  const typed = [newArchiveKey(), newArchiveKey()];
  await Promise.all([keys.makeFirst(), ...typed.map((key) => keys.add(keyTextOf(key))), keys.noted()]);
  expect(keys.all.slice(1)).toEqual(typed);
  const again = await open(folder);
  expect(again.all).toEqual(keys.all);
  expect(again.isNoted).toBe(true);
});

test('no key is made that the next start could not read', async () => {
  using folder = temporaryFolder();
  // The key of the box cannot be saved.
  const draft = join(folder.path, 'secret.json.new');
  mkdirSync(draft);
  const keys = await open(folder);
  await expect(keys.makeFirst()).rejects.toMatchObject({ code: 'unavailable', context: { why: 'key' } });
  await expect(keys.add(keyTextOf(newArchiveKey()))).rejects.toMatchObject({ code: 'unavailable' });
  expect([keys.current, existsSync(join(folder.path, ARCHIVE_KEY_FILE))]).toEqual([undefined, false]);
  rmSync(draft, { recursive: true });
  const next = await open(folder);
  await next.makeFirst();
  expect((await open(folder)).all).toEqual(next.all);
});

test('a damaged key of the box is put aside', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'secret.json'), '{"key":"cut');
  await (await open(folder)).makeFirst();
  expect(textIn(folder, 'secret.json.damaged')).toBe('{"key":"cut');
});

test('a restore keeps the keys of this box next to those of the backup', async () => {
  using here = temporaryFolder();
  using there = temporaryFolder();
  const [mine, theirs] = [await open(here), await open(there)];
  await mine.makeFirst();
  await theirs.makeFirst();
  const member = (file: string) => ({ file, text: textIn(there, file) });
  const users = { file: 'users.json', text: '{"users":[]}' };
  const revised = (members: readonly { readonly file: string; readonly text: string }[]) =>
    reviseWrites(here.path, members, archive.backup ?? []);
  const writes = await revised([
    { file: '/perch.yml', text: '' },
    ...[users, member('secret.json'), member(ARCHIVE_KEY_FILE)],
  ]);
  const full = {
    keys: Array.from({ length: 8 }, (_, i) => ({ id: String(i).padStart(16, '0'), sealed: 'x' })),
    isNoted: true,
  };
  await expect(
    revised([users, member('secret.json'), { file: ARCHIVE_KEY_FILE, text: JSON.stringify(full) }]),
  ).rejects.toThrow('9 keys of the archive');
  const written = writes.filter(({ file }) => file === ARCHIVE_KEY_FILE);
  expect(written.length).toBe(1);
  for (const { file, text } of writes.slice(1)) {
    if (text !== null) {
      writeFileSync(join(here.path, file), text);
    }
  }
  const restored = await open(here);
  expect(restored.all).toEqual([theirs.current, mine.current]);
});
