import { expect, test } from 'vitest';
import type { Agent } from '../peers/agent/agent.ts';
import { describeWith } from '../peers/programs/peers.ts';
import { random } from '../support/base/random.ts';
import { pause, RESTART_SECONDS, SoakCameras } from './soak/soak-cameras.ts';
import { expectNoGrowth, SOAK_MINUTES } from './soak/soak-look.ts';
import { VIEWERS } from './soak/soak-viewers.ts';

const CAMERAS = 8;
const VIEWERS_AT_ONCE = 10;

/** One after the other until `stop`: of another kind, at another camera, for 3 to 15 s. @returns media that came, by kind */
async function watch(agent: Agent, seed: number, stop: AbortSignal): Promise<Map<string, number>> {
  const next = random(seed);
  const seen = new Map<string, number>();
  const kinds = Object.entries(VIEWERS);
  for (let turn = seed; !stop.aborted; turn += 1) {
    const [kind, viewer] = kinds[turn % kinds.length] ?? ['', async () => 0];
    const leave = AbortSignal.any([stop, AbortSignal.timeout(3_000 + Math.floor(next() * 12_000))]);
    // A viewer of a camera that is away at the moment fails.
    const came = await viewer(agent, `cam${1 + Math.floor(next() * CAMERAS)}`, leave).catch(() => 0);
    seen.set(kind, (seen.get(kind) ?? 0) + came);
    await pause(next(), stop);
  }
  return seen;
}

async function traffic(agent: Agent, cameras: SoakCameras, stop: AbortSignal): Promise<void> {
  const viewers = Array.from({ length: VIEWERS_AT_ONCE }, (_, seed) => watch(agent, seed, stop));
  const [seen] = await Promise.all([Promise.all(viewers), cameras.restart(stop)]);
  for (const kind of Object.keys(VIEWERS)) {
    expect(
      seen.reduce((sum, one) => sum + (one.get(kind) ?? 0), 0),
      kind,
    ).toBeGreaterThan(0);
  }
}

describeWith(['ffmpeg', 'gstreamer'], `${CAMERAS} cameras that restart every ${RESTART_SECONDS} s`, () => {
  test(`and ${VIEWERS_AT_ONCE} viewers who join and leave keep no resources in ${SOAK_MINUTES} minutes`, {
    timeout: (SOAK_MINUTES + 12) * 60_000,
  }, async () => {
    await using cameras = await SoakCameras.open(CAMERAS);
    await expectNoGrowth(cameras.urls, (agent, stop) => traffic(agent, cameras, stop));
  });
});
