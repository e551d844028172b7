import { playLive } from '../../peers/browser/live-player.ts';
import { seconds } from '../cameras/eight-cameras.ts';
import { type Figure, median } from '../measure/figure.ts';
import { LONG_GROUPS, startWebRtcServer, type WebRtcServer } from '../webrtc/webrtc-server.ts';

/** How old the group is at the joins, in seconds. */
const PHASES = [1, 4, 7, 9.5];
/** Time until the player has found out how little it may keep. */
const SETTLING_MS = 6_000;
const WATCHED_SECONDS = 12;

/** @returns the median time from the camera's sending to the page's showing, in ms */
async function join(box: WebRtcServer, phase: number, note: (text: string) => void): Promise<number> {
  const { camera, agent, openPage } = box;
  const page = await openPage();
  const { groupSeconds } = LONG_GROUPS;
  await seconds((phase - camera.phase() + groupSeconds) % groupSeconds);
  const playing = await playLive(page, { url: `ws://127.0.0.1:${agent.ports.hls}/cam/mse`, readsClock: true });
  const { pictures, errors, stalls, firstPictureMs = Number.NaN, lagMs } = await playing.played(WATCHED_SECONDS);
  await page.close();
  const beganMs = pictures[0]?.wallMs ?? 0;
  const settled = pictures.filter(({ wallMs }) => wallMs >= beganMs + SETTLING_MS);
  const lags = settled.flatMap(({ clockMs, wallMs }) =>
    clockMs === undefined ? [] : [wallMs - camera.sentMs(clockMs, wallMs)],
  );
  const lag = errors.length > 0 ? Number.NaN : median(lags);
  note(
    `joined after ${phase} s of the group: ${lag.toFixed(0)} ms (the player says ${lagMs?.toFixed(0)} ms), first picture after ${firstPictureMs.toFixed(0)} ms, ${stalls.filter(({ wallMs }) => wallMs >= beganMs + SETTLING_MS).length} stalls ${errors.join('; ')}`,
  );
  return lag;
}

export const mseLag: Figure = {
  name: 'mse-lag',
  unit: 'ms',
  goal: 400,
  isAbsolute: true,
  about: 'median time from the camera sending a picture to Chromium showing it over Media Source Extensions',
  measure: async (note) => {
    await using box = await startWebRtcServer(LONG_GROUPS);
    const lags: number[] = [];
    for (const phase of PHASES) {
      lags.push(await join(box, phase, note));
    }
    return lags;
  },
};
