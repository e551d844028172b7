import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { until } from '../peers/agent/agent.ts';
import { type PageHarness, startPageHarness } from '../peers/browser/page-harness.ts';
import { GUEST_HOURS_AGO, MOMENTS, type Moment, SCENES, VISIT_HOURS_AGO } from './moments.ts';
import { recordPast, type Stretch } from './past.ts';
import { filmScenes } from './scene-clips.ts';
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
  /** A moment with a guest at the door, within the last half hour. */
  readonly guestMs: number;
  /** One camera is offline from now on, and one paused. */
  goSilent(): Promise<void>;
  /** Names the cameras as their owner would in China. */
  speakChinese(): Promise<void>;
}

export async function buildHouse(browser: Browser): Promise<House> {
  const filmed = await filmScenes(browser, Date.now());
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
  const nowMs = Date.now();
  const cameras = await box.adopt();
  await box.api('POST', 'cameras/order', { paths: cameras });
  const visitMs = nowMs - VISIT_HOURS_AGO * HOUR_MS;
  for (const [i, scene] of SCENES.entries()) {
    const film = filmed.get(scene);
    const name = cameras[i];
    if (film && name !== undefined) {
      const past = film.moments.map(({ moment, key }) => ({ ...whenOf(moment, nowMs), key }));
      await recordPast(join(box.folder, 'data/recordings'), name, film.still, stretchesOf(i, nowMs), past);
    }
  }
  await box.api('POST', 'restart', {});
  await until(() => box.api<object>('GET', 'paths/list').catch(() => undefined));
  await tellEvents(box, cameras, nowMs);
  await addPeople(box, cameras);
  await saveClips(box, cameras, visitMs);
  return {
    ...{ box, cameras, visitMs, guestMs: nowMs - GUEST_HOURS_AGO * HOUR_MS },
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
  return i === 0
    ? [
        { fromMs: hours(PAST_HOURS), toMs: hours(8.2) },
        { fromMs: hours(7.4), toMs: nowMs },
      ]
    : [{ fromMs: hours(PAST_HOURS - 3 * i), toMs: nowMs }];
}

/** From before the event, so that its first picture shows it. */
const whenOf = ({ hoursAgo, seconds }: Moment, nowMs: number): Stretch => {
  const startMs = nowMs - hoursAgo * HOUR_MS;
  return { fromMs: startMs - 10_000, toMs: startMs + seconds * 1000 + 3_000 };
};

async function tellEvents(box: PageHarness, cameras: readonly string[], nowMs: number): Promise<void> {
  for (const { scene, type, hoursAgo, seconds } of MOMENTS) {
    const startMs = nowMs - hoursAgo * HOUR_MS;
    await box.api('POST', 'events', {
      ...{ path: cameras[SCENES.indexOf(scene)], type },
      ...{ start: new Date(startMs).toISOString(), end: new Date(startMs + seconds * 1000).toISOString() },
    });
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
