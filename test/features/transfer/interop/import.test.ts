import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { AGENT, startAgent, until } from '../../../peers/agent/agent.ts';
import { smallClip } from '../../../peers/cameras/camera.ts';
import { publishClip } from '../../../peers/clients/publisher.ts';
import { ffmpegWarnings, packetTimes } from '../../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { runProcess } from '../../../peers/programs/process.ts';

const VIDEO = '-f lavfi -i testsrc2=s=320x240:r=10:d=6 -f lavfi -i sine=r=48000:d=6 -c:v libx264 -g 20 -bf 2 -c:a aac';
/** How other programs write their files, by the name of the file. */
const FILES = {
  '2026-07-01/12/front/00.00.mp4': '-movflags +faststart',
  '2026-07-01_13-00-00-000000.mp4': '-movflags frag_keyframe+empty_moov',
  '2026-07-01_14-00-00.ts': '',
} as const;

describeWith(['ffmpeg'], 'perch import', () => {
  test('files of ffmpeg play with all their pictures at their times, beside a running Perch', {
    timeout: 60_000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'perch-import-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const from = join(folder, 'from');
    for (const [name, options] of Object.entries(FILES)) {
      const file = join(from, name);
      mkdirSync(dirname(file), { recursive: true });
      execFileSync('ffmpeg', ['-v', 'error', ...VIDEO.split(' '), ...options.split(' ').filter(Boolean), file]);
      utimesSync(file, 1e9, 1e9);
    }
    writeFileSync(join(from, 'notes.mp4'), 'none');
    const dataDir = join(folder, 'data');
    mkdirSync(dataDir);
    const config = 'playback: yes\npaths: { yard: { recordDeleteAfter: 0s } }\n';
    await using agent = await startAgent({ config, dataDir, env: { TZ: 'UTC' } });
    const words = ['import', from, '--path', 'yard', '--data', dataDir, join(dataDir, 'test.yml')];
    const { code, output } = await runProcess('env', ['TZ=UTC', process.execPath, ...AGENT, ...words]);
    expect([code, output]).toEqual([0, expect.stringContaining('3 recordings taken')]);
    expect(output).toContain('notes.mp4: its name has no date and time');
    const listed = async () => {
      const answer = await fetch(`${agent.url}/playback/list?path=yard`);
      const spans = answer.ok ? ((await answer.json()) as { start: string; duration: number }[]) : [];
      return spans.length === 3 ? spans : undefined;
    };
    for (const [i, { start, duration }] of (await until(listed)).entries()) {
      expect([start, Math.round(duration)]).toEqual([`2026-07-01T${12 + i}:00:00Z`, 6]);
      const query = new URLSearchParams({ path: 'yard', start, duration: '7', format: 'mp4' });
      const answer = await fetch(`${agent.url}/playback/get?${query}`);
      const file = join(folder, `${i}.mp4`);
      writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
      expect(await ffmpegWarnings(['-i', file])).toBe('');
      const [source = ''] = Object.keys(FILES).slice(i);
      const [played, original] = [await packetTimes(file, 'v'), await packetTimes(join(from, source), 'v')];
      expect(played.map(({ isKey }) => isKey)).toEqual(original.map(({ isKey }) => isKey));
      const steps = (packets: typeof played) =>
        packets.map(({ pts }) => Math.round((pts - (packets[0]?.pts ?? 0)) * 1e3));
      expect(steps(played)).toEqual(steps(original));
      expect((await packetTimes(file, 'a')).length).toBeGreaterThan(270);
    }
  });

  test('recordings of a former disk are moved while the camera records to the new one', {
    timeout: 90_000,
  }, async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'perch-move-'));
    onTestFinished(() => rmSync(dataDir, { recursive: true }));
    const start = (disk: string) =>
      startAgent({
        config: `playback: yes
pathDefaults: { recordSegmentDuration: 2s, recordPath: ${dataDir}/${disk}/%path/%Y-%m-%d_%H-%M-%S-%f }
paths: { yard: { record: yes } }
`,
        dataDir,
      });
    const filesOn = (disk: string) => globSync(`${dataDir}/${disk}/yard/*.mp4`).sort();
    const clip = await smallClip(10);
    {
      await using agent = await start('old');
      await using _ = await publishClip(agent, 'yard', clip, { isEndless: true });
      await until(() => (filesOn('old').length > 3 ? true : undefined));
    }
    const former = filesOn('old');
    const bytes = new Map(former.map((file) => [basename(file), readFileSync(file)]));
    for (const file of former) {
      // Long ago.
      utimesSync(file, 1e9, 1e9);
    }
    await using agent = await start('new');
    await using _ = await publishClip(agent, 'yard', clip, { isEndless: true });
    await until(() => (filesOn('new').length > 1 ? true : undefined));
    const words = ['import', join(dataDir, 'old/yard'), '--path', 'yard', '--move', '--data', dataDir];
    const { code, output } = await runProcess(process.execPath, [...AGENT, ...words, join(dataDir, 'test.yml')]);
    expect([code, output]).toEqual([0, expect.stringContaining(`${former.length} recordings taken`)]);
    expect(filesOn('old')).toEqual([]);
    for (const [name, before] of bytes) {
      expect(readFileSync(join(dataDir, 'new/yard', name)).equals(before)).toBe(true);
    }
    const count = filesOn('new').length;
    await until(() => (filesOn('new').length > count ? true : undefined));
    const spans = await until(async () => {
      const found = (await (await fetch(`${agent.url}/playback/list?path=yard`)).json()) as { start: string }[];
      // What is gone from the old disk is noticed.
      return found.length === 2 ? found : undefined;
    });
    const query = new URLSearchParams({ path: 'yard', start: spans[0]?.start ?? '', duration: '4', format: 'mp4' });
    const file = join(dataDir, 'played.mp4');
    const answer = await fetch(`${agent.url}/playback/get?${query}`);
    writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
    expect(await ffmpegWarnings(['-i', file])).toBe('');
    expect((await packetTimes(file, 'v')).length).toBeGreaterThan(30);
  });
});
