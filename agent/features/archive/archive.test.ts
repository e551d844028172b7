import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ACCESS_KEY, BUCKET, S3Server, SECRET_KEY } from '../../../test/features/archive/support/s3-server.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { fileOf } from '../../../test/support/harness/edited-config.ts';
import { KEYS as CONFIG_KEYS, good } from '../../../test/support/harness/loaded-config.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { globalJson, HIDDEN } from '../../config/edit/json.ts';
import { SecretKeys } from '../../config/edit/secrets.ts';
import { parseConfig, resolvePath } from '../../config/load/load.ts';
import { type SegmentState, STATE } from '../../playback/index/segment-row.ts';
import { Archive } from './archive.ts';
import { parseKeyText } from './encryption/key-text.ts';
import { ARCHIVE } from './keys.ts';

const KEYS = `archiveBucket: ${BUCKET}\narchiveAccessKey: ${ACCESS_KEY}\narchiveSecretKey: ${SECRET_KEY}\n`;
const [UNREAD, GROWING, FINISHED, BROKEN] = [STATE.unread, STATE.growing, STATE.finished, STATE.broken];
type Deps = ConstructorParameters<typeof Archive>[0];

interface Given {
  readonly dataDir?: string;
  readonly isIndexWhole?: boolean;
  /** Folders of recordings. */
  readonly folders?: readonly string[];
  readonly state?: SegmentState | undefined;
}

function archiveOf(text: string, { dataDir = '/none', isIndexWhole = true, folders = [], ...indexed }: Given = {}) {
  const config = good(text);
  const settingsFor = (path: string) => resolvePath(config, path)?.settings;
  const space = { isIndexWhole, settingsFor, list: () => folders.map((folder) => ({ folder })) };
  const state = 'state' in indexed ? indexed.state : FINISHED;
  const archive = new Archive({
    ...{ settings: () => config, config: () => config, clock: systemClock, log: silentLogger },
    dataDir,
    recordings: {
      space,
      recorders: { onFinished: () => () => {} },
      onSigned: () => {},
      playback: { stateOf: () => state, copies: { sync: async () => {} } },
    },
    signal: new AbortController().signal,
  } as unknown as Deps);
  return { archive, space, config };
}

test.for([
  ['archive: s3', "archive: 's3' needs archiveURL, archiveBucket, archiveAccessKey, archiveSecretKey"],
  ['archive: folder', "archive: 'folder' needs archiveFolder"],
  ['archiveFolder: nas', "'nas' is not the whole path of a folder"],
  ['archiveFolder: /mnt/../etc', 'is not the whole path of a folder'],
  ['archiveURL: http://192.0.2.1', 'archiveURL: sends recordings over the internet in clear: write https://'],
  ['archiveURL: https://me:hunter22@host', 'archiveURL: not an HTTP address without credentials'],
  ['archiveURL: https://host/?x=1', 'archiveURL: has a query or a fragment'],
  ['archiveBucket: a/b', "'a/b' is not the name of a bucket"],
  ['archivePrefix: ../x', "'../x' is not the beginning of a name"],
  ['archivePrefix: /x', "'/x' is not the beginning of a name"],
  [
    'archiveURL: https://192.168.1.5\narchivePathStyle: no',
    'archiveURL: is an IP address, which cannot have a bucket in its host name',
  ],
  ['archiveMaxRate: 1K', "archiveMaxRate: '1K' is less than 64K"],
  ['archiveHours: 22-6', "'22-6' are not hours"],
] as const)('the configuration rejects %s', ([text, message]) => {
  const { problems } = parseConfig(
    `perch: own\n${text}\n`,
    'perch.yml',
    {},
    { recordPath: '/%path/%s%f', cwd: '/', keys: CONFIG_KEYS },
  );
  const texts = problems.map((one) => `${one.key}: ${one.message}`);
  expect(texts).toEqual([expect.stringContaining(message)]);
  expect(texts.join()).not.toContain('hunter22');
});

test('without archive there is none, and retention waits for nothing', () => {
  const { archive, config } = archiveOf('perch: own\nrecordMinFree: 10%');
  expect(archive.component().settings(config)).toBeUndefined();
  expect(archive.status).toMatchObject({ state: 'off', waiting: { files: 0 } });
  expect(archive.isAwaited({ path: 'yard', file: '/a.mp4', nameUs: 1, newestStartUs: 1 })).toBe(false);
});

function awaits(more: string, path = '', indexed: Given = {}, nameUs = Date.now() * 1000) {
  const text = `perch: own\narchive: folder\narchiveFolder: /nas\n${more}\npaths: { yard: { ${path} } }\n`;
  const recording = { path: 'yard', file: '/rec/a.mp4', nameUs, newestStartUs: Date.now() * 1000 };
  return archiveOf(text, indexed).archive.isAwaited(recording);
}

test('retention waits for an archive only where full disks are freed otherwise, and where the path is archived', () => {
  expect(awaits('recordMinFree: 10%')).toBe(true);
  expect(awaits('recordMinFree: 0%')).toBe(false);
  expect(awaits('recordMinFree: 10%', 'recordArchive: no')).toBe(false);
  expect(awaits('recordMinFree: 10%', 'recordArchive: protected')).toBe(false);
  expect(awaits('recordMinFree: 10%', 'recordArchive: protected, record: motion')).toBe(true);
  expect(awaits('recordMinFree: 10%', 'recordArchiveDeleteAfter: 1s')).toBe(true);
});

test('retention waits for a recording that was named by an unset clock', () => {
  expect(awaits('recordMinFree: 10%', 'recordArchiveDeleteAfter: 30d', {}, 42)).toBe(true);
});

test('retention does not wait for files that are never archived, and for all while the index is incomplete', () => {
  expect([undefined, UNREAD, GROWING, BROKEN].map((state) => awaits('recordMinFree: 10%', '', { state }))).toEqual([
    ...[true, true, false, false],
  ]);
  const partly = { isIndexWhole: false };
  expect([undefined, GROWING].map((state) => awaits('recordMinFree: 10%', '', { ...partly, state }))).toEqual([
    ...[true, true],
  ]);
  expect(awaits('recordMinFree: 10%', 'recordArchive: no', partly)).toBe(false);
  expect(awaits('recordMinFree: 0%', '', partly)).toBe(false);
});

test('a test stores, reads, lists and deletes, and leaves nothing', async () => {
  const server = await S3Server.start();
  const { archive } = archiveOf(`perch: own\narchive: s3\narchiveURL: ${server.url}\n${KEYS}`);
  const good = { isGood: true, error: null, why: null, warning: null };
  expect(await archive.test({})).toEqual(good);
  expect(await archive.test({ archiveSecretKey: HIDDEN })).toEqual(good);
  expect(server.objects.size).toBe(0);
  expect(server.uploads.size).toBe(0);
  expect(new Set(server.calls.map(({ method }) => method))).toEqual(new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'POST']));
});

test('a test says what is wrong, without the secret key', async () => {
  const server = await S3Server.start();
  const { archive } = archiveOf(`perch: own\narchive: s3\narchiveURL: ${server.url}\n${KEYS}`);
  for (const [wrong, why] of [
    [{ archiveSecretKey: 'hunter22hunter22' }, 'login'],
    [{ archiveAccessKey: 'nobody' }, 'login'],
    [{ archiveBucket: 'elsewhere' }, 'noBucket'],
    [{ archiveURL: 'http://127.0.0.1:1' }, 'unreachable'],
    [{ archiveURL: server.url.replace('http', 'https') }, 'noS3'],
    [{ archive: 'folder' as const, archiveFolder: '/none/such' }, 'missing'],
  ] as const) {
    const result = await archive.test(wrong);
    expect(result, JSON.stringify(wrong)).toMatchObject({ isGood: false, why });
    expect(JSON.stringify(result)).not.toMatch(/hunter22|test\+secret/);
  }
});

test('a test of a folder leaves nothing there', async () => {
  using folder = temporaryFolder();
  const nas = join(folder.path, 'nas');
  mkdirSync(nas);
  const { archive } = archiveOf('perch: own');
  expect(await archive.test({ archive: 'folder', archiveFolder: nas })).toMatchObject({ isGood: true });
  expect(readdirSync(nas, { recursive: true })).toEqual(['perch']);
});

test('a folder on a disk with recordings is good, with a warning', async () => {
  using folder = temporaryFolder();
  const { archive } = archiveOf('perch: own', { folders: ['/none', folder.path] });
  const wanted = { archive: 'folder' as const, archiveFolder: folder.path };
  expect(await archive.test(wanted)).toMatchObject({ isGood: true, warning: 'sameDisk' });
  const apart = archiveOf('perch: own', { folders: ['/proc', '/none'] });
  expect(await apart.archive.test(wanted)).toMatchObject({ isGood: true, warning: null });
});

test('the key of an encrypted archive is shown until it was written down, and taken by another box', async () => {
  using first = temporaryFolder();
  using second = temporaryFolder();
  const text = 'perch: own\narchive: folder\narchiveFolder: /none\narchiveEncryption: yes';
  const { archive, config } = archiveOf(text, { dataDir: first.path });
  await expect(archive.showKey()).rejects.toMatchObject({ code: 'notFound' });
  const stop = await archive.component().start(config);
  const { key, id } = await archive.showKey();
  expect(archive.status.encryption).toEqual({ isOn: true, keyId: id, isKeyNoted: false });
  expect((await archive.showKey()).key).toBe(key);
  await archive.keyNoted();
  await expect(archive.showKey()).rejects.toMatchObject({ code: 'notFound' });
  await stop('end');

  // The key is nowhere in clear.
  const stored = readFileSync(join(first.path, 'archive-keys.json'), 'utf8');
  const bytes = parseKeyText(key);
  for (const form of [key, bytes.toString('hex'), bytes.toString('base64'), bytes.toString('base64url')]) {
    expect(stored).not.toContain(form);
  }

  const other = archiveOf(text, { dataDir: second.path });
  await expect(other.archive.addKey(key.replace(/^..../, '0000'))).rejects.toMatchObject({ code: 'badInput' });
  expect(await other.archive.addKey(key.toLowerCase())).toBe(id);
  const end = await other.archive.component().start(other.config);
  expect(other.archive.status.encryption).toEqual({ isOn: true, keyId: id, isKeyNoted: true });
  await end('end');
});

test('invalid settings are rejected before anything is connected', async () => {
  const { archive } = archiveOf('perch: own');
  await expect(archive.test({})).rejects.toThrow("archive is 'no'");
  await expect(archive.test({ archive: 'folder', archiveFolder: 'nas' })).rejects.toThrow('whole path of a folder');
  await expect(archive.test({ archive: 's3', archiveURL: 'http://192.0.2.1' })).rejects.toThrow('needs archiveBucket');
});

test('an archive that cannot start is failing, and says why', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'archive.json'), '{}');
  const { archive, config } = archiveOf('perch: own\narchive: folder\narchiveFolder: /nas', { dataDir: folder.path });
  await expect(archive.component().start(config)).rejects.toThrow('is damaged');
  expect(archive.status).toMatchObject({
    state: 'failing',
    why: 'other',
    error: expect.stringContaining('is damaged'),
  });
  expect(archive.metrics()).toContainEqual(['archive_failing', 'gauge', expect.any(String), 1]);
  const documented = readFileSync('docs/reference/metrics.md', 'utf8');
  expect(archive.metrics().filter(([suffix]) => !documented.includes(`perch_${suffix}`))).toEqual([]);
});

test('only the owner sets its keys', async () => {
  const { edits } = await fileOf('paths:\n');
  for (const settings of [{ archiveFolder: '/tmp' }, { archive: 's3' }, { archiveSecretKey: 'x' }]) {
    await expect(edits.patchGlobal(settings, { hasAllRights: false })).rejects.toThrow('only the owner');
  }
  expect(Object.keys(ARCHIVE.schema).filter((key) => !CONFIG_KEYS.global.rights.has(key))).toEqual([]);
});

test('neither API nor support bundle have the secret key', () => {
  const text = 'archiveSecretKey: Zq-archive-secret';
  expect(globalJson(good(`perch: own\n${text}\n`))).toMatchObject({ archiveSecretKey: HIDDEN });
  expect(text).toMatch(new SecretKeys(CONFIG_KEYS).line);
});
