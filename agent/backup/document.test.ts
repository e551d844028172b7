import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test, vi } from 'vitest';
import { byLength } from '../../test/peers/programs/peers.ts';
import { mutate } from '../../test/support/base/mutate.ts';
import { random } from '../../test/support/base/random.ts';
import { PerchError } from '../base/errors.ts';
import { type Backup, readBackup, writeBackup } from './document.ts';

const NAMES = new Set(['perch.yml', 'users.json', 'tls/server.pem']);
const BACKUP: Backup = {
  ...{ made: '2026-11-21T08:00:00.000Z', by: 'v0.1.0', host: 'höhle' },
  members: [
    { name: 'perch.yml', text: `perch: own\n${'# a comment with 中文 and "quotes"\n'.repeat(200)}` },
    { name: 'users.json', text: '{"users":[]}\n' },
  ],
};
const DOCUMENT = { format: 'perch-backup', version: 1, ...BACKUP };
const packed = (value: unknown): Buffer => gzipSync(typeof value === 'string' ? value : JSON.stringify(value));
const read = (bytes: Uint8Array): Promise<Backup> => readBackup(bytes, NAMES);

test('a written backup is read back', async () => {
  for (const backup of [BACKUP, { ...BACKUP, configForm: 3 }]) {
    expect(await read(await writeBackup(backup))).toEqual(backup);
  }
});

test.for([
  ['nothing', new Uint8Array(), 'is empty'],
  ['a picture', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), 'not a Perch backup'],
  ['a text that was packed', packed('hello'), 'not a Perch backup'],
  ['bytes that are no UTF-8', gzipSync(Uint8Array.of(0x22, 0xff, 0x22)), 'not a Perch backup'],
  ['null', packed('null'), 'not a Perch backup'],
  ['another document', packed({ version: 1 }), 'not a Perch backup'],
  ['a later version', packed({ ...DOCUMENT, version: 2 }), 'has version 2, this Perch reads version 1'],
  ['no version', packed({ ...DOCUMENT, version: undefined }), 'has version undefined'],
  ['a date that is none', packed({ ...DOCUMENT, made: 'yesterday' }), '/made'],
  ['a member without text', packed({ ...DOCUMENT, members: [{ name: 'perch.yml' }] }), '/members/0'],
  ['a form that is none', packed({ ...DOCUMENT, configForm: 1 }), '/configForm'],
  ['a field that is not known', packed({ ...DOCUMENT, more: 1 }), 'damaged'],
  [
    'a name that leads out of the folder',
    packed({ ...DOCUMENT, members: [{ name: '../../etc/passwd', text: '' }] }),
    "member '../../etc/passwd', which is unknown",
  ],
  ['an absolute name', packed({ ...DOCUMENT, members: [{ name: '/etc/passwd', text: '' }] }), 'which is unknown'],
  [
    'a name twice',
    packed({ ...DOCUMENT, members: [...BACKUP.members, { name: 'users.json', text: '' }] }),
    "two members 'users.json'",
  ],
] as const)('%s is rejected with the reason', async ([, bytes, reason]) => {
  await expect(read(bytes)).rejects.toThrow(reason);
  await expect(read(bytes)).rejects.toBeInstanceOf(PerchError);
});

test.for([
  ['noBackup', 'a picture', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0)],
  ['noBackup', 'another document', packed({ version: 1 })],
  ['laterVersion', 'a document of the next version', packed({ ...DOCUMENT, version: 2 })],
  ['damaged', 'nothing', new Uint8Array()],
  ['damaged', 'one that is cut off', packed(DOCUMENT).subarray(0, 60)],
  ['damaged', 'one without a version', packed({ ...DOCUMENT, version: undefined })],
  ['damaged', 'one with a strange member', packed({ ...DOCUMENT, members: [{ name: 'x', text: '' }] })],
] as const)('%s is the word for %s', async ([why, , bytes]) => {
  await expect(read(bytes)).rejects.toMatchObject({ context: { why } });
});

test('a small file that unpacks beyond the limit is rejected', async () => {
  const bomb = gzipSync(Buffer.alloc(70 << 20));
  expect(bomb.length).toBeLessThan(1 << 20);
  await expect(read(bomb)).rejects.toThrow('too large: the limit is 8 MiB');
});

test('a document of millions of parts is rejected before objects are created', async () => {
  const parse = vi.spyOn(JSON, 'parse');
  onTestFinished(() => parse.mockRestore());
  const bomb = gzipSync(`{"format":"perch-backup","version":1,"members":[${'{},'.repeat(2_000_000)}{}]}`);
  await expect(read(bomb)).rejects.toThrow('not a Perch backup');
  expect(parse).not.toHaveBeenCalled();
});

test('a backup too large to restore is rejected when it is made', async () => {
  const huge = { name: 'perch.yml', text: 'x'.repeat(9 << 20) };
  await expect(writeBackup({ ...BACKUP, members: [huge] })).rejects.toThrow('the limits are');
});

test('a backup truncated anywhere is rejected', async () => {
  const bytes = await writeBackup(BACKUP);
  for (let length = 0; length < bytes.length; length += byLength(3, 1)) {
    await expect(read(bytes.subarray(0, length)), `${length} bytes`).rejects.toBeInstanceOf(PerchError);
  }
});

test('one wrong bit anywhere changes nothing, or the backup is rejected', async () => {
  const bytes = await writeBackup(BACKUP);
  // In the short length one or two bits of each byte, others in the next one.
  const step = byLength(5, 1);
  let refused = 0;
  for (let bit = 0; bit < bytes.length * 8; bit += step) {
    const wrong = Uint8Array.from(bytes);
    wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const result = await read(wrong).catch((error: unknown) => error);
    if (result instanceof PerchError) {
      refused += 1;
    } else {
      expect(result, `bit ${bit}`).toEqual(BACKUP);
    }
  }
  // The rest is gzip's header fields for time and operating system.
  expect(refused).toBeGreaterThan((bytes.length * 8 - 80) / step);
});

test('any mutation of the document is read as a backup or rejected with a message', async () => {
  const next = random(20_261_121);
  const text = new TextEncoder().encode(JSON.stringify(DOCUMENT));
  const rounds = byLength(600, 2_000);
  let refused = 0;
  for (let round = 0; round < rounds; round += 1) {
    const result = await read(gzipSync(mutate(text, next))).catch((error: unknown) => error);
    refused += result instanceof PerchError ? 1 : 0;
    if (!(result instanceof PerchError)) {
      const { members } = result as Backup;
      expect(members.every(({ name }) => NAMES.has(name))).toBe(true);
    }
  }
  expect(refused).toBeGreaterThan(rounds / 4);
});
