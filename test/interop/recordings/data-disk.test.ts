import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Playback } from '../../../agent/playback/playback.ts';
import { startAgent, until } from '../../peers/agent/agent.ts';
import { smallDisk } from '../../peers/host/small-disk.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { keepLogLines } from '../../support/base/log-lines.ts';
import { record } from '../../support/disks/recordings.ts';

/** The index of recordings below a folder. */
function openIndex(folder: string) {
  const { log, logged } = keepLogLines();
  const recordPath = join(folder, 'rec/%path/%Y-%m-%d_%H-%M-%S-%f');
  const playback = new Playback({
    file: join(folder, 'segments.db'),
    paths: {
      recordPathOf: () => ({ recordPath, format: 'fmp4' }),
      recordPaths: () => [recordPath],
      hasRecorded: () => false,
    },
    logger: log,
    zone: 'UTC',
  });
  return { playback, logged, phrases: () => logged.map(([, phrase]) => phrase) };
}

describeWith(['mounts'], 'the disk of the data folder', () => {
  test.for(['full', 'read-only'])('%s: the index is neither damaged nor built again', async (kind) => {
    await using disk = await smallDisk(4);
    mkdirSync(join(disk.folder, 'rec'));
    await record(join(disk.folder, 'rec'), 10, { segmentDurationMs: 1_000 });
    const before = openIndex(disk.folder);
    await before.playback.rebuild(new AbortController().signal);
    const spans = await before.playback.spans('cam');
    expect(spans.length).toBeGreaterThan(0);
    await before.playback.close();
    const file = join(disk.folder, 'segments.db');
    const { ino, size } = statSync(file);

    if (kind === 'full') {
      spawnSync('dd', ['if=/dev/zero', `of=${join(disk.folder, 'ballast')}`, 'bs=4k']);
      expect(() => writeFileSync(join(disk.folder, 'more'), 'x'.repeat(8_192))).toThrow('ENOSPC');
    } else {
      await disk.remount('ro');
    }
    const { playback, phrases } = openIndex(disk.folder);
    expect(await playback.spans('cam')).toEqual(spans);
    expect(phrases()).toEqual(['the index of recordings cannot be saved, check its disk']);
    expect(playback.unreadable().count).toBe(0);
    playback.commit();
    await playback.close();
    expect(statSync(file)).toMatchObject({ ino, size });
  });

  test('read-only: Perch starts, says why, and /health reports it', async () => {
    await using disk = await smallDisk(16);
    {
      await using first = await startAgent({ dataDir: disk.folder });
      expect((await fetch(`${first.url}/health`)).status).toBe(200);
    }
    await disk.remount('ro');
    await using agent = await startAgent({ dataDir: disk.folder });
    expect(agent.process.output()).toContain('the disk of the data folder is mounted read-only: mount it writable');
    expect(agent.process.output()).not.toContain('is damaged');
    const status = () => fetch(`${agent.url}/health`).then((answer) => answer.json() as Promise<{ status: string }>);
    await until(async () => ((await status()).status === 'read-only disk' ? true : undefined));
    expect(existsSync(join(disk.folder, 'lock.db'))).toBe(true);
  });
});
