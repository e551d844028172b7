import { existsSync, mkdirSync, readdirSync, readFileSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { readRecordingHead } from '../../../agent/record/file/recording-file.ts';
import type { DiskStatus } from '../../../agent/record/space/disks.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { clip } from '../../peers/cameras/camera.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { smallDisk } from '../../peers/host/small-disk.ts';
import { ffmpegWarnings } from '../../peers/programs/ffmpeg.ts';
import { byLength, describeWith } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { makeRecording } from '../../support/disks/recording-files.ts';
import { filesBelow, record } from '../../support/disks/recordings.ts';

const MB = 1_000_000;

/** Noise, so the encoder uses its whole bit rate: a key frame each second. */
const noise = (kilobits: number): Promise<string> =>
  clip(`noise-${kilobits}.mp4`, [
    ...['-f', 'lavfi', '-i', 'testsrc2=s=320x240:r=15,noise=alls=60:allf=t', '-t', '20', '-pix_fmt', 'yuv420p'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-g', '15', '-threads', '1'],
    ...['-b:v', `${kilobits}k`, '-minrate', `${kilobits}k`, '-maxrate', `${kilobits}k`, '-bufsize', `${kilobits}k`],
  ]);

const diskOf = async (agent: Agent): Promise<DiskStatus> => {
  const { items } = await agent.json<{ items: DiskStatus[] }>('/v3/disks');
  return items[0] as DiskStatus;
};
const recordingOf = async (agent: Agent, path: string) =>
  (await agent.json<PathStatus>(`/v3/paths/get/${path}`)).recording;
const filesOf = (folder: string, path: string): string[] =>
  existsSync(join(folder, 'rec', path))
    ? readdirSync(join(folder, 'rec', path))
        .filter((name) => name.endsWith('.mp4'))
        .sort()
    : [];
const post = async (agent: Agent, path: string, body: object) => {
  const answer = await fetch(`${agent.url}${path}`, { method: 'POST', body: JSON.stringify(body) });
  expect(answer.status).toBe(200);
  return (await answer.json()) as { readonly id: string };
};
/** Another program's data. */
const fill = (file: string, sizeBytes: number) => writeFileSync(file, new Uint8Array(sizeBytes));
const config = (folder: string, more: string) => `${more}
pathDefaults:
  record: yes
  recordDeleteAfter: 0s
  recordSegmentDuration: 2s
  recordPath: ${folder}/rec/%path/%Y-%m-%d_%H-%M-%S-%f
paths: {a: , b: , c: }
`;

describeWith(['ffmpeg', 'mounts'], 'space on a disk', () => {
  test.concurrent('the older recordings on another disk, mounted at the folder of one camera, stay', async () => {
    await using disk = await smallDisk(32);
    const door = join(disk.folder, 'rec/a');
    await using other = await smallDisk(32);
    mkdirSync(door, { recursive: true });
    await runProcess('mount', ['--bind', other.folder, door]);
    await using stack = new AsyncDisposableStack();
    stack.defer(async () => void (await runProcess('umount', ['-l', door])));
    const recordPath = join(disk.folder, 'rec/%path/%Y-%m-%d_%H-%M-%S-%f');
    const made = async (path: string, daysAgo: number) =>
      (await record('/', 4, { path, recordPath, wall: Date.now() - daysAgo * 86_400_000 }))[0] ?? '';
    const older = [await made('a', 9), await made('a', 8)];
    const newer = [await made('b', 3), await made('b', 2)];
    fill(join(disk.folder, 'other'), 26 * MB);
    stack.use(await startAgent({ config: config(disk.folder, 'recordMinFree: 25%') }));
    await until(() => newer.every((file) => !existsSync(file)) || undefined);
    expect(older.filter((file) => !existsSync(file))).toEqual([]);
  });

  test.concurrent("with three cameras a disk keeps the newest recordings, protected ones and other programs' files, and never fills up", async () => {
    await using disk = await smallDisk(32);
    const foreign = makeRecording(
      join(disk.folder, 'rec/a/2020-01-01_00-00-00-000000.mp4'),
      'mediamtx',
      Math.round(0.5 * MB),
    );
    const note = join(disk.folder, 'rec/a/note.txt');
    writeFileSync(note, 'mine');
    fill(join(disk.folder, 'other'), 18 * MB);
    await using agent = await startAgent({ config: config(disk.folder, 'recordMinFree: 25%') });
    const file = await noise(1_200);
    const cameras = ['a', 'b', 'c'];
    await using publishers = new AsyncDisposableStack();
    for (const path of cameras) {
      publishers.use(await publishClip(agent, path, file, { isEndless: true }));
    }
    const ours = (path: string) => filesOf(disk.folder, path).filter((name) => !name.startsWith('2020'));
    const first = await until(() => {
      const firsts = cameras.map((path) => (ours(path).length >= 2 ? ours(path)[0] : undefined));
      return firsts.includes(undefined) ? undefined : (firsts as string[]);
    });
    const list = await agent.json<{ items: { name: string; segments: { start: string }[] }[] }>('/v3/recordings/list');
    const start = list.items.find(({ name }) => name === 'a')?.segments.find((s) => !s.start.startsWith('2020'))?.start;
    const end = new Date(Date.parse(start ?? '') + 100).toISOString();
    const { id } = await post(agent, '/v3/recordings/protect', { path: 'a', start, end, note: 'the parcel' });

    const states = new Set<string>();
    const seen: Record<string, Set<string>> = { a: new Set(), b: new Set(), c: new Set() };
    let minFree = Infinity;
    await until(async () => {
      const { bavail, bsize } = statfsSync(disk.folder);
      minFree = Math.min(minFree, bavail * bsize);
      states.add((await diskOf(agent)).state);
      for (const path of cameras) {
        for (const name of ours(path)) {
          seen[path]?.add(name);
        }
      }
      const gone = cameras.map((path) => [...(seen[path] ?? [])].length - ours(path).length);
      return gone.every((count) => count >= byLength(1, 3)) ? true : undefined;
    });
    expect([...states]).toEqual(['ok']);
    expect(minFree).toBeGreaterThan(3 * MB);
    expect([foreign, note, join(disk.folder, 'rec/a', first[0] ?? '')].map((name) => existsSync(name))).toEqual([
      true,
      true,
      true,
    ]);
    for (const path of ['b', 'c']) {
      // The newest recordings remain, without a gap.
      const all = [...(seen[path] ?? [])].sort();
      const left = ours(path).filter((name) => all.includes(name));
      expect(left).toEqual(all.slice(-left.length));
      expect(all).toContain(first[cameras.indexOf(path)]);
    }
    expect((await recordingOf(agent, 'a'))?.active).toBe(true);

    const removed = await fetch(`${agent.url}/v3/recordings/protect/${id}`, { method: 'DELETE' });
    expect(removed.status).toBe(200);
    await until(() => (ours('a').includes(first[0] ?? '') ? undefined : true));
  });

  test.concurrent('at one percent recording stops with whole files and reports it; read-only is another state; both end by themselves', async () => {
    await using disk = await smallDisk(64);
    await using agent = await startAgent({ config: config(disk.folder, '') });
    await using _publisher = await publishClip(agent, 'a', await noise(200), { isEndless: true });
    await until(() => (filesOf(disk.folder, 'a').length >= 2 ? true : undefined));
    expect((await recordingOf(agent, 'a'))?.active).toBe(true);

    const other = join(disk.folder, 'other');
    const { bavail, bsize } = statfsSync(disk.folder);
    fill(other, bavail * bsize - Math.round(0.5 * MB));
    const full = await until(async () => {
      const status = await diskOf(agent);
      return status.state === 'nearlyFull' ? status : undefined;
    });
    expect(full.error).toMatch(/^recording has stopped, .* of 64M are free: free space or set recordMinFree$/);
    const stopped = await until(async () => {
      const recording = await recordingOf(agent, 'a');
      return recording?.active ? undefined : recording;
    });
    expect(stopped?.error).toContain(`cannot record to ${disk.folder}/rec: recording has stopped`);
    // The recorder tries again from time to time.
    await until(async () => {
      const health = await fetch(`${agent.url}/health`);
      const { status } = (await health.json()) as { status: string };
      return (health.status === 503 && status === 'not recording') || undefined;
    });
    const newest = await until(async () => {
      const file = join(disk.folder, 'rec/a', filesOf(disk.folder, 'a').at(-1) ?? '');
      await using handle = await open(file);
      // A recorder that tries again has an empty file for a moment.
      const isBegun = (await handle.stat()).size > 0;
      return isBegun && (await readRecordingHead(handle)).isFinished ? file : undefined;
    });
    expect(await ffmpegWarnings(['-i', newest])).toBe('');

    await disk.remount('ro');
    await until(async () => ((await diskOf(agent)).state === 'readOnly' ? true : undefined));
    await disk.remount('rw');
    unlinkSync(other);
    await until(async () => ((await diskOf(agent)).state === 'ok' ? true : undefined));
    await until(async () => ((await recordingOf(agent, 'a'))?.active ? true : undefined));
    await until(async () => ((await fetch(`${agent.url}/health`)).ok ? true : undefined));
    const logged = agent.process
      .output()
      .split('\n')
      .filter((line) => /disk="?(nearlyFull|readOnly|ok)/.test(line));
    // The disk may be checked between the two changes that end the state.
    const course = /^nearlyFull,readOnly,(nearlyFull,)?ok$/;
    expect(logged.map((line) => /disk="?(\w+)/.exec(line)?.[1]).join()).toMatch(course);
    const journal = filesBelow(join(agent.dataDir, 'events')).map((name) => readFileSync(name, 'utf8'));
    expect([...journal.join('').matchAll(/"(nearlyFull|readOnly|ok): /g)].map(([, state]) => state).join()).toMatch(
      course,
    );
  });

  test.concurrent('never records next to an unmounted disk, neither at once nor after a start, and records to it when it is back', async () => {
    await using disk = await smallDisk(64);
    await using first = await startAgent({ config: config(disk.folder, '') });
    const { dataDir } = first;
    const file = await noise(200);
    await using publishers = new AsyncDisposableStack();
    publishers.use(await publishClip(first, 'a', file, { isEndless: true }));
    await until(() => (existsSync(join(disk.folder, 'rec/.perch-disk')) ? true : undefined));
    await disk.unmount();
    const gone = await until(async () => {
      const status = await diskOf(first);
      return status.state === 'vanished' ? status : undefined;
    });
    expect(gone.error).toMatch(/^its disk is not mounted: mount it/);
    await until(async () => ((await recordingOf(first, 'a'))?.active ? undefined : true));
    expect(readdirSync(disk.folder)).toEqual([]);
    await disk.mount();
    const before = filesOf(disk.folder, 'a').length;
    await until(() => (filesOf(disk.folder, 'a').length > before ? true : undefined));
    expect((await diskOf(first)).state).toBe('ok');

    await publishers.disposeAsync();
    await first.process.stop('SIGINT');
    await disk.unmount();
    await using second = await startAgent({ config: config(disk.folder, ''), dataDir });
    await using _publisher = await publishClip(second, 'a', file, { isEndless: true });
    expect((await diskOf(second)).state).toBe('vanished');
    await until(async () => ((await recordingOf(second, 'a'))?.error ? true : undefined));
    expect(readdirSync(disk.folder)).toEqual([]);
    await post(second, '/v3/disks/accept', { folder: join(disk.folder, 'rec') });
    await until(() => (filesOf(disk.folder, 'a').length > 0 ? true : undefined));
  });
});
