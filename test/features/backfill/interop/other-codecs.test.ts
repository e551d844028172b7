import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SdCard } from '../../../onvif-camera/card/sd-card.ts';
import { ffprobe } from '../../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { hevcCard } from '../support/hevc-card.ts';
import {
  eventually,
  GAP,
  openMissedBox,
  pathLines,
  prepareOutage,
  SECONDS,
  sharedCard,
  startMissedCamera,
} from '../support/outage.ts';
import { endsOf, expectSame, picturesOf, recordedPictures } from '../support/pictures.ts';

/** ONVIF states the time of a camera in whole seconds, and no picture is equal. */
const CLOCK_MS = 1_100;
const GROUP_MS = 1_000;

describeWith(['ffmpeg'], 'a card with H.265 and AAC in a camera that streams H.264 and G.711', () => {
  test('a gap has the pictures and the sound of the card, each once', { timeout: 120_000 }, async ({
    onTestFinished,
  }) => {
    const folder = temporaryFolder();
    onTestFinished(() => folder[Symbol.dispose]());
    const shared = sharedCard();
    const card = new SdCard(shared.card.tracks);
    card.units.push(...shared.card.units);
    card.isRecording = true;
    card.sub = await hevcCard(shared.fromMs, SECONDS);
    const door = await startMissedCamera(onTestFinished, 'door', { cardStream: 'sub' }, card);
    const { recordPath, dataDir } = await prepareOutage(folder.path, [door]);
    const { host, isOver } = await openMissedBox(onTestFinished, dataDir, pathLines(door, recordPath));
    await eventually(async () => (await isOver('door')) || undefined);
    const [fromMs = 0, untilMs = 0] = GAP.map((second) => door.fromMs + second * 1_000);
    const isWithin =
      (moreMs: number) =>
      ([ms]: readonly [number, string]) =>
        ms > fromMs - moreMs && ms < untilMs + moreMs;
    expectSame(
      (await recordedPictures(host)).filter(isWithin(0)),
      picturesOf(card.sub).filter(isWithin(CLOCK_MS)),
      endsOf([fromMs, untilMs], GROUP_MS, CLOCK_MS),
      CLOCK_MS,
    );
    const fetched: Awaited<ReturnType<typeof ffprobe>>['streams'][] = [];
    for (const name of readdirSync(join(folder.path, 'recordings/door'))) {
      const { streams } = await ffprobe(join(folder.path, 'recordings/door', name), ['-count_packets']);
      fetched.push(...(streams.some((one) => one.codec_name === 'hevc') ? [streams] : []));
    }
    expect(fetched).toHaveLength(1);
    const [video, audio] = ['video', 'audio'].map((type) => fetched[0]?.find((one) => one.codec_type === type));
    expect([video?.width, audio?.codec_name]).toEqual([320, 'aac']);
    const seconds = Number(video?.nb_read_packets) / 25;
    expect(seconds).toBeGreaterThan(GAP[1] - GAP[0] - 3);
    expect(Math.abs(Number(audio?.nb_read_packets) - (seconds * 48_000) / 1_024)).toBeLessThan(3);
    expect(Math.abs(Number(audio?.start_time) - Number(video?.start_time))).toBeLessThan(0.1);
  });
});
