import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { clip, playClip, startGstCamera } from '../../peers/cameras/camera.ts';
import { ffmpegWarnings, ffprobe, packetTimes } from '../../peers/programs/ffmpeg.ts';
import { byLength, describeWith } from '../../peers/programs/peers.ts';
import { pictureOf, startSnapshotCamera } from '../../support/cameras/snapshot-camera.ts';

const PRE_ROLL_MS = byLength(2_000, 3_000);
const POST_ROLL_MS = byLength(1_000, 2_000);
const EVENTS = 12;
/** Group length of the camera with rare key frames. */
const LONG_GROUP_SECONDS = byLength(4, 10);

/** Longer than the test takes. */
const CLIP_SECONDS = byLength(60, 120);

/** H.264 and AAC, 320x180, 25 frames/s. @param seconds between key frames */
const clipWithGroups = (gopSeconds: number): Promise<string> =>
  clip(`small-groups-${gopSeconds}-${CLIP_SECONDS}.mp4`, [
    ...['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=25', '-f', 'lavfi', '-i', 'sine=f=440:r=48000'],
    ...['-t', String(CLIP_SECONDS)],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-g', String(25 * gopSeconds), '-sc_threshold', '0', '-bf', '0'],
    ...['-pix_fmt', 'yuv420p', '-c:a', 'aac', '-b:a', '64k', '-ac', '1'],
  ]);

interface ListEntry {
  readonly start: string;
  readonly duration: number;
  readonly url: string;
}

const pathOf = (agent: Agent, name: string) => agent.json<PathStatus>(`/v3/paths/get/${name}`);
const recordingsOf = (agent: Agent) => globSync(join(agent.dataDir, 'recordings/**/*.mp4'));

async function tell(agent: Agent, event: object): Promise<{ readonly code: number; readonly id?: string }> {
  const response = await fetch(`${agent.url}/v3/events`, { method: 'POST', body: JSON.stringify(event) });
  return { ...((await response.json()) as object), code: response.status };
}

/** Resolves when the path has had its stream for this long: the pre-roll needs it. */
const streamedFor = (agent: Agent, name: string, ms: number) =>
  until(async () => {
    const { readyTime } = await pathOf(agent, name);
    return readyTime !== null && Date.now() - Date.parse(readyTime) >= ms ? readyTime : undefined;
  });

/** The only timespan of a path whose recorder is idle. */
const clipOf = (agent: Agent, name: string): Promise<ListEntry> =>
  until(async () => {
    if ((await pathOf(agent, name)).recording?.active !== false) {
      return undefined;
    }
    const response = await fetch(`${agent.url}/playback/list?path=${name}`);
    const entries = response.ok ? ((await response.json()) as ListEntry[]) : [];
    expect(entries.length).toBeLessThanOrEqual(1);
    return entries[0];
  });

const configOf = (two: string, rare: string, onvif: string): string => `
playback: yes
api: yes
pathDefaults:
  record: motion
  recordPreRoll: ${PRE_ROLL_MS}ms
  recordPostRoll: ${POST_ROLL_MS}ms
paths:
  two:
    source: ${two}
    camera: { onvif: '${onvif}', user: admin, password: 'se:cret' }
  rare:
    source: ${rare}
`;

describeWith(['ffmpeg', 'gstreamer'], 'events of a camera whose recorder waits for them', () => {
  test('each event has its clip, with pre-roll and post-roll, whole and in sync; nothing else is written', async () => {
    const mounts = {
      '/two': playClip(await clipWithGroups(2), true),
      '/rare': playClip(await clipWithGroups(LONG_GROUP_SECONDS), true),
    };
    await using camera = await startGstCamera(mounts);
    await using snapshots = await startSnapshotCamera({ password: 'se:cret' });
    await using agent = await startAgent({ config: configOf(camera.url('/two'), camera.url('/rare'), snapshots.url) });
    const readyTime = await streamedFor(agent, 'two', byLength(5_000, 40_000));
    await streamedFor(agent, 'rare', LONG_GROUP_SECONDS * 1000 + 2_000);
    expect(recordingsOf(agent)).toEqual([]);
    expect((await pathOf(agent, 'two')).recording).toEqual({ active: false, error: null, why: null, since: null });

    const firstMs = Date.now();
    let lastMs = firstMs;
    for (let i = 0; i < EVENTS; i += 1) {
      lastMs = Date.now();
      const event = { type: 'motion', text: `number ${i}`, end: new Date(lastMs + 1_000).toISOString() };
      expect(await tell(agent, { path: 'two', ...event })).toMatchObject({ code: 200, id: expect.any(String) });
      if (i === 0) {
        expect(await tell(agent, { path: 'rare', ...event })).toMatchObject({ code: 200 });
        await until(async () => ((await pathOf(agent, 'two')).recording?.active ? true : undefined));
      }
    }
    expect(await tell(agent, { path: 'shed', type: 'motion' })).toMatchObject({ code: 400 });

    for (const [name, groupMs, toldMs] of [
      ['two', 2_000, lastMs],
      ['rare', LONG_GROUP_SECONDS * 1000, firstMs],
    ] as const) {
      const { start, duration, url } = await clipOf(agent, name);
      const [fromMs, toMs] = [Date.parse(start), Date.parse(start) + duration * 1000];
      expect(fromMs).toBeLessThanOrEqual(firstMs - PRE_ROLL_MS);
      // At most one group more, and a second for the delay of a camera's pictures.
      expect(fromMs).toBeGreaterThan(firstMs - PRE_ROLL_MS - groupMs - 1_000);
      expect(toMs).toBeGreaterThanOrEqual(toldMs + 1_000 + POST_ROLL_MS);
      expect(toMs).toBeLessThan(toldMs + 1_000 + POST_ROLL_MS + groupMs + 1_500);
      for (const format of ['fmp4', 'mp4']) {
        expect(await ffmpegWarnings(['-i', `${url}&format=${format}`])).toBe('');
      }
      const [recording = ''] = globSync(join(agent.dataDir, `recordings/${name}/*.mp4`));
      expect(await ffmpegWarnings(['-i', recording])).toBe('');
      const video = await packetTimes(recording, 'v');
      expect(video[0]?.isKey).toBe(true);
      expect(video.filter(({ isKey }) => isKey)).toHaveLength(Math.round((duration * 1000) / groupMs));
      const { streams } = await ffprobe(recording);
      const [picture = 0, sound = 0] = streams.map(({ start_time }) => Number(start_time));
      expect(Math.abs(picture - sound)).toBeLessThan(0.15);
    }

    expect(recordingsOf(agent)).toHaveLength(2);
    const journal = globSync(join(agent.dataDir, 'events/two/*.jsonl'))
      .map((file) => readFileSync(file, 'utf8'))
      .join('');
    expect(journal.trim().split('\n')).toHaveLength(EVENTS);
    const at = (ms: number) => encodeURIComponent(new Date(ms).toISOString());
    const timeline = await agent.json<{ events: { type: string; text: string }[] }>(
      `/v3/timeline/two?from=${at(firstMs - 60_000)}&to=${at(lastMs + 60_000)}`,
    );
    expect(timeline.events.map(({ text }) => text)).toEqual(Array.from({ length: EVENTS }, (_, i) => `number ${i}`));

    const still = await fetch(`${agent.url}/playback/two/still.jpg?time=${at(lastMs)}`);
    expect(still.headers.get('content-type')).toBe('image/jpeg');
    expect(Math.abs(Date.parse(still.headers.get('perch-time') ?? '') - firstMs)).toBeLessThan(5_000);
    expect(Buffer.compare(Buffer.from(await still.arrayBuffer()), pictureOf(20_000))).toBe(0);
    expect(snapshots.logins.some((login) => login?.startsWith('Basic'))).toBe(false);
    expect((await fetch(`${agent.url}/playback/rare/still.jpg?time=${at(lastMs)}`)).status).toBe(404);

    const file = join(agent.dataDir, 'test.yml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('record: motion', 'record: yes'));
    await until(async () => ((await pathOf(agent, 'two')).recording?.active ? true : undefined));
    expect((await pathOf(agent, 'two')).readyTime).toBe(readyTime);
    await agent.process.stop('SIGINT');
    for (const recording of recordingsOf(agent)) {
      expect(await ffmpegWarnings(['-i', recording])).toBe('');
    }
    expect(agent.process.output()).not.toContain('cret');
  });
});
