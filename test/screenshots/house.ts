import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { until } from '../peers/agent/agent.ts';
import { type PageHarness, startPageHarness } from '../peers/browser/page-harness.ts';
import { recordPast, type Stretch } from './past.ts';
import { filmScenes, SCENES } from './scene-clips.ts';
import { SceneFeed } from './scene-feed.ts';

const HOUR_MS = 3_600_000;
const PAST_HOURS = 20;
/** An unused path: without any path Perch would run the demo camera. */
export const NO_DEMO = 'paths:\n  "~^none$":\n    record: no\n';
const CHINESE = ['前门', '花园', '车道', '马厩', '门厅', '大门'];

/** A house with six cameras, and what they saw since yesterday. */
export interface House extends AsyncDisposable {
  readonly box: PageHarness;
  readonly cameras: readonly string[];
  /** A moment with a visitor at the door. */
  readonly visitMs: number;
  /** One camera is offline from now on, and one paused. */
  goSilent(): Promise<void>;
  /** Names the cameras as their owner would in China. */
  speakChinese(): Promise<void>;
}

export async function buildHouse(browser: Browser): Promise<House> {
  const filmed = await filmScenes(browser);
  const options = SCENES.flatMap((scene) => {
    const film = filmed.get(scene);
    return film ? [{ feed: new SceneFeed(film), picture: film.jpeg, requestKeyFrame: () => {} }] : [];
  });
  const quirks = [{ backChannel: 'always', masks: 'rectangles' }, {}, {}, {}, {}, {}] as const;
  const box = await startPageHarness({
    cameras: options.map((each, i) => ({ ...each, quirks: quirks[i] ?? {} })),
    config: `pathDefaults:\n  record: yes\n  recordDeleteAfter: 30d\n${NO_DEMO}`,
  });
  await box.claim();
  const cameras = await box.adopt();
  await box.api('POST', 'cameras/order', { paths: cameras });
  const nowMs = Date.now();
  const visitMs = nowMs - 2.4 * HOUR_MS;
  for (const [i, scene] of SCENES.entries()) {
    const film = filmed.get(scene);
    const name = cameras[i];
    if (film && name !== undefined) {
      await recordPast(join(box.folder, 'data/recordings'), name, film.still, stretchesOf(i, nowMs));
    }
  }
  await box.api('POST', 'restart', {});
  await until(() => box.api<object>('GET', 'paths/list').catch(() => undefined));
  await tellEvents(box, cameras, nowMs, visitMs);
  await addPeople(box, cameras);
  await saveClips(box, cameras, visitMs);
  return {
    ...{ box, cameras, visitMs },
    goSilent: async () => {
      await box.cameras[5]?.stop({ isSilent: true });
      await box.api('PATCH', `cameras/patch/${cameras[4]}`, { paused: true });
    },
    speakChinese: async () => {
      for (const [i, name] of cameras.entries()) {
        await box.api('PATCH', `cameras/patch/${name}`, { title: CHINESE[i] });
      }
    },
    [Symbol.asyncDispose]: () => box[Symbol.asyncDispose](),
  };
}

/** All of the time except an hour in the night for the first camera; less for the others. */
function stretchesOf(i: number, nowMs: number): readonly Stretch[] {
  const hours = (ago: number) => nowMs - ago * HOUR_MS;
  const endMs = nowMs - 60_000;
  return i === 0
    ? [
        { fromMs: hours(PAST_HOURS), toMs: hours(8.2) },
        { fromMs: hours(7.4), toMs: endMs },
      ]
    : [{ fromMs: hours(PAST_HOURS - 3 * i), toMs: endMs }];
}

async function tellEvents(box: PageHarness, cameras: readonly string[], nowMs: number, visitMs: number): Promise<void> {
  const tell = (camera: number, type: string, atMs: number, seconds: number) =>
    box.api('POST', 'events', {
      ...{ path: cameras[camera], type },
      ...{ start: new Date(atMs).toISOString(), end: new Date(atMs + seconds * 1000).toISOString() },
    });
  const hours = (ago: number) => nowMs - ago * HOUR_MS;
  await tell(0, 'doorbell', visitMs, 5);
  await tell(0, 'person', visitMs - 12_000, 40);
  await tell(2, 'vehicle', visitMs - 40_000, 25);
  for (const [i, ago] of [0.3, 0.7, 1.1, 1.6, 2.9, 3.4, 4.2, 5.5, 6.1, 6.9].entries()) {
    await tell(0, ['motion', 'person', 'motion'][i % 3] ?? 'motion', hours(ago), 15 + 9 * i);
    await tell(1 + (i % 3), i % 4 === 0 ? 'animal' : 'motion', hours(ago + 0.15), 20);
  }
}

async function saveClips(box: PageHarness, cameras: readonly string[], visitMs: number): Promise<void> {
  const save = (camera: number, startMs: number, seconds: number, note = '') =>
    box.api('POST', 'recordings/protect', {
      path: cameras[camera],
      start: new Date(startMs).toISOString(),
      end: new Date(startMs + seconds * 1000).toISOString(),
      note,
    });
  await save(0, visitMs - 15_000, 42, 'Parcel for the neighbours');
  await save(2, visitMs - 50_000, 35);
  await save(1, visitMs - 3 * HOUR_MS, 64, 'Fox');
}

async function addPeople(box: PageHarness, cameras: readonly string[]): Promise<void> {
  await box.api('POST', 'users', { name: 'Ann', password: 'a wren in the hedge', cameras: 'all', recordings: true });
  await box.api('POST', 'users', { name: 'Tom', password: 'a wren in the hedge', cameras: [cameras[2]] });
  const until = new Date(Date.now() + 24 * HOUR_MS).toISOString();
  await box.api('POST', 'guests', { paths: [cameras[3]], until, note: 'Vet' });
}
