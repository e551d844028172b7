import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { mountLoopDisk } from '../bench/record/loop-disk.ts';
import { startAgent, until } from '../peers/agent/agent.ts';
import { describeWith } from '../peers/programs/peers.ts';
import { SoakCameras } from './soak/soak-cameras.ts';

const MINUTES = Number(process.env['PERCH_WRITES_MINUTES'] ?? 60);
const CAMERAS = 8;
const MAX_DAILY_BYTES = 20e6;
/** What the start has written is on the disk. */
const SETTLE_MS = 60_000;

describeWith(['gstreamer', 'loop mounts'], `${CAMERAS} cameras recorded on another disk, nobody watching`, () => {
  test(`the disk of the settings gets at most 20 MB a day, counted by the device over ${MINUTES} minutes`, {
    timeout: (MINUTES + 10) * 60_000,
  }, async () => {
    await using disk = await mountLoopDisk(256);
    await using cameras = await SoakCameras.open(CAMERAS, (MINUTES + 5) * 60);
    const recordings = mkdtempSync(join(tmpdir(), 'perch-recordings-'));
    try {
      const paths = cameras.urls.map((url, i) => `  cam${i + 1}: { source: '${url}' }`);
      const recordPath = join(recordings, '%path/%Y-%m-%d_%H-%M-%S-%f');
      const defaults = `pathDefaults: { record: yes, recordPath: '${recordPath}' }`;
      await using agent = await startAgent({
        dataDir: disk.folder,
        isOwned: true,
        config: ['playback: yes', defaults, 'paths:', ...paths, ''].join('\n'),
      });
      await until(async () => {
        const { items } = await agent.json<{ items: { recording: { active: boolean } | null }[] }>('/v3/paths/list');
        return items.filter(({ recording }) => recording?.active).length === CAMERAS || undefined;
      });
      await delay(SETTLE_MS);
      const before = disk.writtenBytes();
      await delay(MINUTES * 60_000);
      const dailyBytes = ((disk.writtenBytes() - before) * 24 * 60) / MINUTES;
      process.stdout.write(`${(dailyBytes / 1e6).toFixed(2)} MB a day\n`);
      expect(dailyBytes).toBeLessThan(MAX_DAILY_BYTES);
    } finally {
      rmSync(recordings, { recursive: true });
    }
  });
});
