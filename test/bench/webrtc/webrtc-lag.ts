import { type Shown, watch } from '../../peers/browser/webrtc-viewer.ts';
import { seconds } from '../cameras/eight-cameras.ts';
import { type Figure, median } from '../measure/figure.ts';
import { LONG_GROUPS, startWebRtcServer, type WebRtcServer } from './webrtc-server.ts';

/** How old the group is at the joins, in seconds. */
const PHASES = [0.5, 2, 3.5, 6, 8, 9.5];
/** With a group up to this long the live edge is reached in 2 s, else in 5 s. */
const SHORT_GROUP_SECONDS = 4;
const SETTLED_MS = 8_000;
const WATCHED_MS = 12_000;
/** Pictures measured. */
const SPAN_MS = 400;

interface Join {
  /** Medians of the time from the camera's sending to the page's showing, in ms. */
  readonly steady: number;
  /** Additional delay 2 s or 5 s after joining. */
  readonly extra: number;
}

async function join({ camera, openPage, whepUrl }: WebRtcServer, phase: number): Promise<Join> {
  const page = await openPage();
  const { groupSeconds } = LONG_GROUPS;
  await seconds((phase - camera.phase() + groupSeconds) % groupSeconds);
  const watching = await watch(page, { url: whepUrl, readsClock: true });
  await seconds(WATCHED_MS / 1000);
  const { clock } = await watching.report();
  await watching.close();
  await page.close();
  const between = (fromMs: number, toMs: number): number =>
    median(clock.filter(({ atMs }) => atMs >= fromMs && atMs < toMs).flatMap(lagOf(camera)));
  const steady = between(SETTLED_MS, WATCHED_MS);
  const atMs = phase <= SHORT_GROUP_SECONDS ? 2_000 : 5_000;
  return { steady, extra: between(atMs, atMs + SPAN_MS) - steady };
}

const lagOf =
  (camera: WebRtcServer['camera']) =>
  ({ clockMs, wallMs }: Shown): number[] =>
    clockMs === undefined ? [] : [wallMs - camera.sentMs(clockMs, wallMs)];

let run: Promise<Join[]> | undefined;

async function measureAll(note: (text: string) => void): Promise<Join[]> {
  await using box = await startWebRtcServer(LONG_GROUPS);
  const joins: Join[] = [];
  for (const phase of PHASES) {
    const one = await join(box, phase);
    note(`joined after ${phase} s of the group: ${one.steady.toFixed(0)} ms, at first ${one.extra.toFixed(0)} ms more`);
    joins.push(one);
  }
  return joins;
}

export const webrtcLag: Figure = {
  name: 'webrtc-lag',
  unit: 'ms',
  goal: 150,
  isAbsolute: true,
  about: 'median time from the camera sending a picture to Chromium showing it, by the clock in the picture',
  measure: async (note) => {
    run ??= measureAll(note);
    return (await run).map(({ steady }) => steady);
  },
};

export const webrtcLagJoin: Figure = {
  name: 'webrtc-lag-join',
  unit: 'ms',
  goal: 50,
  isAbsolute: true,
  about: `largest additional delay 2 s after joining a group of up to ${SHORT_GROUP_SECONDS} s, or 5 s after joining a longer one`,
  measure: async (note) => {
    run ??= measureAll(note);
    return [Math.max(...(await run).map(({ extra }) => extra))];
  },
};
