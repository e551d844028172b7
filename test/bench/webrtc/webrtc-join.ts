import { startAgent, until } from '../../peers/agent/agent.ts';
import { watch } from '../../peers/browser/webrtc-viewer.ts';
import { startClipCamera } from '../cameras/clip-cameras.ts';
import { seconds } from '../cameras/eight-cameras.ts';
import { type Figure, median } from '../measure/figure.ts';
import { startLightViewers } from './start-light-viewers.ts';
import { LONG_GROUPS, startWebRtcServer, type WebRtcServer } from './webrtc-server.ts';

const RUNS = 3;
const JOINS = 20;
/** The nearest rank: one of twenty may be slower. */
const P95_RANK = Math.ceil(0.95 * JOINS) - 1;
const STEP_SECONDS = LONG_GROUPS.groupSeconds / JOINS;

/** Viewers that join a stream of `LONG_GROUPS`. */
interface JoinedServer extends Pick<WebRtcServer, 'openPage' | 'whepUrl'> {
  /** Age of the group that is being sent, since its key frame, in seconds. */
  phase(): number;
}

/** One viewer, when the group is that old. @returns ms from the POST to the first picture that is shown */
async function join({ phase, openPage, whepUrl }: JoinedServer, wanted: number): Promise<number> {
  const page = await openPage();
  const { groupSeconds } = LONG_GROUPS;
  await seconds((wanted - phase() + groupSeconds) % groupSeconds);
  const watching = await watch(page, { url: whepUrl });
  const { firstPictureMs = Number.NaN } = await watching.shown(1);
  await watching.close();
  await page.close();
  return firstPictureMs;
}

async function p95(box: JoinedServer, note: (text: string) => void): Promise<number> {
  const all: number[] = [];
  for (let i = 0; i < JOINS; i += 1) {
    // Every seventh one: a page has time to open, and twenty joins are still spread over the group.
    all.push(await join(box, (((i * 7) % JOINS) + 0.5) * STEP_SECONDS));
  }
  note(all.map((ms) => ms.toFixed(0)).join(' '));
  return all.toSorted((a, b) => a - b)[P95_RANK] ?? Number.NaN;
}

export async function measureJoins(server: JoinedServer, note: (text: string) => void): Promise<number[]> {
  // One-time work of a browser and a server does not count.
  await join(server, 1);
  const values: number[] = [];
  for (let i = 0; i < RUNS; i += 1) {
    values.push(await p95(server, note));
  }
  return values;
}

const ABOUT = `95th percentile of ${JOINS} joins in Chromium, spread evenly over a group of ${LONG_GROUPS.groupSeconds} s: from POST to the first picture shown`;

export const joinFigure = (name: string, measure: Figure['measure'], what = ''): Figure => ({
  ...{ name, unit: 'ms', goal: 250, isAbsolute: true },
  about: `${ABOUT}${what}`,
  measure,
});

const PION_JOINS = 20;

async function pionJoin(note: (text: string) => void): Promise<number> {
  await using camera = await startClipCamera(LONG_GROUPS);
  await using agent = await startAgent({ config: `api: yes\npaths:\n  cam: { source: '${camera.url}' }\n` });
  await until(async () => (await agent.json<{ ready: boolean }>('/v3/paths/get/cam')).ready || undefined);
  await using viewers = startLightViewers(`http://127.0.0.1:${agent.ports.webrtc}/cam/whep`, ['0', 'pion']);
  const joins: number[] = [];
  for (let i = 0; i < PION_JOINS; i += 1) {
    await viewers.ask('open 1');
    joins.push(await until(async () => (await viewers.tell())[0]?.joinedMs ?? undefined));
    await viewers.ask('leave 1');
  }
  note(joins.map((ms) => ms.toFixed(0)).join(' '));
  return median(joins);
}

export const webrtcJoinPion: Figure = {
  name: 'webrtc-join-pion',
  unit: 'ms',
  goal: 60,
  isAbsolute: true,
  about: `median of ${PION_JOINS} joins of a client with pion's ICE timing (go2rtc, LiveKit, Home Assistant): from POST to the last packet of the first picture`,
  measure: async (note) => {
    const values: number[] = [];
    for (let i = 0; i < RUNS; i += 1) {
      values.push(await pionJoin(note));
    }
    return values;
  },
};

export const webrtcJoin = joinFigure('webrtc-join', async (note) => {
  await using box = await startWebRtcServer(LONG_GROUPS);
  const { camera, openPage, whepUrl } = box;
  // Awaited here: the server ends with this scope.
  return await measureJoins({ phase: () => camera.phase(), openPage, whepUrl }, note);
});
