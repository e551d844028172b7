import { globSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgent, until } from '../../../peers/agent/agent.ts';
import { startViewer, timeShown } from '../../../peers/browser/browser.ts';
import { openVideo, seek } from '../../../peers/browser/recorded-video.ts';
import { barClip, SMALL } from '../../../peers/cameras/bar-clip.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { runProcess } from '../../../peers/programs/process.ts';
import { random } from '../../../support/base/random.ts';

const SECONDS = 12;
const SEEKS = 6;
const FRAME_MS = 1000 / SMALL.fps;

interface Span {
  readonly start: string;
  readonly duration: number;
}

describeWith(['chromium', 'ffmpeg'], 'Chromium seeks in a recording that only the archive has', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'perch-archived-'));
  const nas = join(dataDir, 'nas');
  const recorded = join(dataDir, 'recorded');
  const rules = `record: yes, recordPath: '${recorded}/%path/%Y-%m-%d_%H-%M-%S-%f', recordSegmentDuration: 4s`;
  const configOf = (archive: string) => `api: yes\nplayback: yes\n${archive}paths:\n  all_others: { ${rules} }\n`;
  const config = configOf(`archive: folder\narchiveFolder: ${nas}\n`);
  const countOf = (folder: string) => globSync(`${folder}/**/*.mp4`).length;

  beforeAll(async () => {
    mkdirSync(nas);
    const clip = await barClip({ ...SMALL, audio: 'opus', seconds: SECONDS });
    {
      await using agent = await startAgent({ dataDir, config: configOf('') });
      const input = ['-nostdin', '-v', 'error', '-re', '-i', clip, '-c', 'copy'];
      const publishing = [...input, '-f', 'rtsp', '-rtsp_transport', 'tcp', agent.rtspUrl('cam')];
      expect(await runProcess('ffmpeg', publishing)).toEqual({ code: 0, output: '' });
    }
    await using agent = await startAgent({ dataDir, config, isOwned: true });
    const isArchived = async () =>
      (await agent.json<{ archived: { files: number } }>('/v3/archive')).archived.files === countOf(recorded);
    expect(countOf(recorded)).toBeGreaterThan(2);
    await until(async () => (await isArchived()) || undefined);
  });
  afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

  test.for(['mp4', 'fmp4'])('in /get as %s', async (format) => {
    rmSync(recorded, { recursive: true, force: true });
    await using agent = await startAgent({ dataDir, config });
    await using viewer = await startViewer();
    const span = await until(async () => {
      const [first] = await agent.json<Span[]>('/playback/list?path=cam').catch(() => []);
      return first;
    });
    expect(span.duration).toBeGreaterThan(SECONDS - 1);
    const query = new URLSearchParams({ path: 'cam', start: span.start, duration: String(SECONDS), format });
    const page = await viewer.open(`${agent.url}/health`);
    await openVideo(page, `${agent.url}/playback/get?${query}`);
    const next = random(17);
    for (let i = 0; i < SEEKS; i += 1) {
      const toS = next() * (span.duration - 0.3);
      const mediaS = await seek(page, toS);
      const shownMs = (await timeShown(page)) ?? Number.NaN;
      const wantedMs = Math.floor((toS * 1000 + 0.5) / FRAME_MS) * FRAME_MS;
      expect(Math.abs(shownMs - wantedMs), `${toS} s, picture of ${mediaS} s`).toBeLessThanOrEqual(FRAME_MS);
    }
    await page.close();
  });
});
