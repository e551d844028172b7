import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { startAgent, until } from '../../peers/agent/agent.ts';
import { startDemo } from '../../peers/agent/demo-agent.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

test('a disk that cannot be written is one clear line in log and API; live pictures and other recordings continue', async () => {
  const camera = await startDemo();
  onTestFinished(() => camera.close());
  const source = camera.rtspUrl('main');
  using folder = temporaryFolder();
  const notAFolder = join(folder.path, 'file');
  writeFileSync(notAFolder, '');
  await using agent = await startAgent({
    config: `pathDefaults: { record: yes }
paths:
  lost:
    source: ${source}
    recordPath: ${notAFolder}/%path/%Y-%m-%d_%H-%M-%S-%f
  kept:
    source: ${source}
`,
  });
  const find = (name: string) => agent.json<PathStatus>(`/v3/paths/get/${name}`);
  const lost = await until(async () => {
    const path = await find('lost');
    return path.recording?.error ? path : undefined;
  });
  expect(lost.recording?.error).toContain(notAFolder);
  expect(lost).toMatchObject({ ready: true, recording: { active: false, since: expect.any(String) } });
  await until(async () => ((await find('kept')).recording?.active ? true : undefined));
  const playlist = await fetch(`${agent.url}/hls/lost/index.m3u8`);
  expect(playlist.status).toBe(200);
  const health = await fetch(`${agent.url}/health`);
  expect(health.status).toBe(503);
  expect(await health.text()).not.toContain('lost');
  const lines = agent.process.output().split('\n');
  expect(lines.filter((line) => line.includes('[lost]') && line.includes(notAFolder))).toHaveLength(1);
});
