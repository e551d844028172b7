import { createHash } from 'node:crypto';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLogger } from '../../../../agent/base/log.ts';
import { ArchiveKeys } from '../../../../agent/features/archive/archive-keys.ts';
import { openStorage } from '../../../../agent/features/archive/copies/open-storage.ts';
import type { ArchiveKeyRing } from '../../../../agent/features/archive/encryption/encrypted-storage.ts';
import { newArchiveKey } from '../../../../agent/features/archive/encryption/key-text.ts';
import type { TargetSettings } from '../../../../agent/features/archive/storage/settings.ts';
import { AGENT, type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { smallClip } from '../../../peers/cameras/camera.ts';
import { publishClip } from '../../../peers/clients/publisher.ts';
import { ffprobe } from '../../../peers/programs/ffmpeg.ts';
import { type Moto, startMoto } from '../../../peers/programs/moto.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { runProcess } from '../../../peers/programs/process.ts';
import { verified } from '../../../support/disks/signed-recordings.ts';

const LIMIT = { timeout: 90_000 };
const SECONDS = 7;

interface Status {
  readonly state: string;
  readonly why: string | null;
  readonly waiting: { readonly files: number };
  readonly archived: { readonly files: number; readonly bytes: number };
}

const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

describeWith(['moto', 'ffmpeg'], 'the archive of a running box', () => {
  let dataDir: string;
  let moto: Moto;
  let files: string[];

  const pathsOf = (record: string) => `
pathDefaults: { recordSegmentDuration: 2s, recordPath: ${dataDir}/recordings/%path/%Y-%m-%d_%H-%M-%S-%f }
paths: { yard: { record: ${record} } }
`;
  const configOf = (archive: string) => `perch: own\nrecordMinFree: 1%\n${archive}${pathsOf('no')}`;
  const s3 = (more = '') => `archive: s3
archiveURL: ${moto.url}
archiveBucket: cameras
archiveAccessKey: ${moto.accessKey}
archiveSecretKey: ${moto.secretKey}
${more}`;
  const start = (config: string): Promise<Agent> => startAgent({ config, dataDir });
  /** The page's session is that of the first start. */
  let headers: Readonly<Record<string, string>>;
  const statusOf = async ({ url }: Agent): Promise<Status> =>
    (await fetch(`${url}/v3/archive`, { headers })).json() as Promise<Status>;
  const archived = (agent: Agent) =>
    until(async () => {
      const status = await statusOf(agent);
      return status.archived.files === files.length && status.waiting.files === 0 ? status : undefined;
    });

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'perch-archive-'));
    moto = await startMoto();
    // Everyone may publish to MediaMTX's setup.
    await using agent = await startAgent({ config: `api: yes${pathsOf('yes')}`, dataDir });
    await using _ = await publishClip(agent, 'yard', await smallClip(10), { isEndless: true });
    await new Promise((done) => setTimeout(done, SECONDS * 1000));
  });

  beforeAll(async () => {
    await using agent = await startAgent({ config: configOf(''), dataDir, isOwned: true });
    ({ headers } = agent);
  });

  beforeAll(() => {
    files = globSync(`${dataDir}/recordings/yard/**/*.mp4`).sort();
    expect(files.length).toBeGreaterThan(2);
  });

  afterAll(async () => {
    await moto[Symbol.asyncDispose]();
    rmSync(dataDir, { recursive: true });
  });

  test(
    'its recordings reach a server of S3 unchanged, and once, though the box is killed meanwhile',
    LIMIT,
    async () => {
      const slow = await start(configOf(s3('archiveMaxRate: 128K')));
      await until(async () => ((await statusOf(slow)).archived.files > 0 ? true : undefined));
      await slow.process.stop('SIGKILL');
      await using agent = await start(configOf(s3()));
      await archived(agent);
      const objects = await moto.objects();
      expect([...objects.values()].sort()).toEqual(files.map(sha256).sort());
      for (const key of objects.keys()) {
        expect(key).toMatch(/^perch\/[0-9a-f]{12}\/yard\/\d{4}-\d\d-\d\d\/\d\d-\d\d-\d\d-\d{6}Z\.mp4$/);
      }
    },
  );

  test('encrypted recordings are read back with the key of the box only', LIMIT, async () => {
    const more = 'archivePrefix: sealed\narchiveEncryption: yes\narchiveMaxRate: ';
    const slow = await start(configOf(s3(`${more}128K`)));
    await until(async () => ((await statusOf(slow)).archived.files > 0 ? true : undefined));
    await slow.process.stop('SIGKILL');
    await using agent = await start(configOf(s3(`${more}0B`)));
    await archived(agent);
    const own = [...(await moto.objects())].filter(([key]) => key.startsWith('sealed/'));
    expect(own.length).toBe(files.length);
    expect(own.every(([key]) => key.endsWith('.mp4.enc'))).toBe(true);
    expect(own.map(([, hash]) => hash).filter((hash) => files.map(sha256).includes(hash))).toEqual([]);

    const settings: TargetSettings = {
      archive: 's3',
      archiveFolder: '',
      archiveURL: moto.url,
      archiveBucket: 'cameras',
      archivePrefix: 'sealed',
      archiveRegion: 'us-east-1',
      archiveAccessKey: moto.accessKey,
      archiveSecretKey: moto.secretKey,
      archivePathStyle: true,
      archiveEncryption: 'yes',
    };
    const readWith = async (keys: ArchiveKeyRing): Promise<string[]> => {
      const { signal } = new AbortController();
      const storage = openStorage({ settings, own: 'sealed/', isMarked: true, keys, wallMs: () => Date.now() });
      try {
        return await Promise.all(
          own.map(async ([key]) => {
            const bytes = await storage.read(key, 0, await storage.sizeOf(key, signal), signal);
            return createHash('sha256').update(bytes).digest('hex');
          }),
        );
      } finally {
        storage.close();
      }
    };
    const keys = await ArchiveKeys.open(dataDir, silentLogger);
    expect((await readWith(keys)).sort()).toEqual(files.map(sha256).sort());
    const wrong = newArchiveKey();
    await expect(readWith({ current: wrong, all: [wrong] })).rejects.toThrow('which this box does not have');
  });

  test('a wrong secret key is named, and recordings wait', LIMIT, async () => {
    await using agent = await start(
      configOf(s3().replace(moto.secretKey, 'wrong').replace('s3\n', 's3\narchivePrefix: x\n')),
    );
    const status = await until(async () => {
      const now = await statusOf(agent);
      return now.state === 'failing' && now.waiting.files > 0 ? now : undefined;
    });
    expect(status).toMatchObject({ why: 'login', waiting: { files: files.length } });
    const { items } = (await (await fetch(`${agent.url}/v3/problems/list`, { headers })).json()) as {
      items: { kind: string; why: string }[];
    };
    expect(items).toContainEqual(expect.objectContaining({ kind: 'archive', why: 'login' }));
    const shown = await (await fetch(`${agent.url}/v3/config/global/get`, { headers })).text();
    expect(shown).toContain('archiveAccessKey');
    expect(shown).not.toContain('wrong');
  });

  test('its recordings reach a folder, and play from there', LIMIT, async () => {
    const nas = join(dataDir, 'nas');
    mkdirSync(nas);
    await using agent = await start(configOf(`archive: folder\narchiveFolder: ${nas}`));
    await archived(agent);
    const copies = globSync(`${nas}/perch/*/yard/**/*.mp4`);
    expect(copies.map(sha256).sort()).toEqual(files.map(sha256).sort());
    const { streams } = await ffprobe(copies[0] ?? '');
    expect(streams.map((stream) => stream.codec_name)).toContain('h264');
  });

  test(
    'recordings whose files are gone are listed and play from the bucket, also after the box is lost',
    LIMIT,
    async () => {
      // They are signed after they were archived.
      const config = configOf(s3()).replace('record: no', 'record: no, recordSign: yes');
      const listOf = async ({ url }: Agent) =>
        (await (await fetch(`${url}/playback/list?path=yard`, { headers })).json()) as {
          start: string;
          duration: number;
        }[];
      const bodyOf = async ({ url }: Agent, start: string, range?: string) => {
        const query = new URLSearchParams({ path: 'yard', start, duration: '4', format: 'fmp4' });
        const answer = await fetch(`${url}/playback/get?${query}`, {
          headers: { ...headers, ...(range && { range }) },
        });
        return [answer.status, Buffer.from(await answer.arrayBuffer())] as const;
      };
      const agent = await start(config);
      await archived(agent);
      await until(async () => {
        const signed = [...(await moto.objects()).keys()].filter((key) => /^perch\/.*\.mp4\.sig$/.test(key));
        return signed.length === files.length || undefined;
      });
      const before = await listOf(agent);
      const [{ start: from } = { start: '' }] = before;
      const [, body] = await bodyOf(agent, from);
      await agent[Symbol.asyncDispose]();
      rmSync(join(dataDir, 'recordings'), { recursive: true });
      {
        await using again = await start(config);
        await until(async () => ((await listOf(again)).length > 0 ? true : undefined));
        // The urls name the port of this start.
        expect((await listOf(again)).map(timesOf)).toEqual(before.map(timesOf));
        const [status, same] = await bodyOf(again, from);
        expect([status, same.equals(body)]).toEqual([200, true]);
        const [partly, middle] = await bodyOf(again, from, 'bytes=5000-5999');
        expect([partly, middle.equals(body.subarray(5000, 6000))]).toEqual([206, true]);
      }
      for (const name of ['archive.json', 'archive.db', 'archive.db-wal', 'archive.db-shm', 'segments.db']) {
        rmSync(join(dataDir, name), { force: true });
      }
      const { code, output } = await runProcess(process.execPath, [
        ...[...AGENT, 'restore-archive', '--data', dataDir, join(dataDir, 'test.yml')],
      ]);
      expect([code, output]).toEqual([0, expect.stringContaining(`${files.length} recordings of box`)]);
      await using restored = await start(config);
      await until(async () => ((await listOf(restored)).length > 0 ? true : undefined));
      expect((await listOf(restored)).map(timesOf)).toEqual(before.map(timesOf));
      expect((await bodyOf(restored, from))[1].equals(body)).toBe(true);
      const download = join(dataDir, 'download.mp4');
      writeFileSync(download, body);
      const { code: verdict, text } = await verified(download);
      expect(verdict, text).toBe(0);
      expect((await statusOf(restored)).waiting.files).toBe(0);
    },
  );
});

const timesOf = ({ start, duration }: { readonly start: string; readonly duration: number }) => [start, duration];
