import { type OnvifCamera, startOnvifCamera } from '../../onvif-camera/camera.ts';
import { watch } from '../../peers/browser/webrtc-viewer.ts';
import type { ClipCamera } from '../cameras/clip-cameras.ts';
import { seconds } from '../cameras/eight-cameras.ts';
import { type Figure, median } from '../measure/figure.ts';
import { LONG_GROUPS, startWebRtcServer, type WebRtcServer } from './webrtc-server.ts';

/** How old the group is at the joins, in seconds. The oldest first: only then it is known that groups are long. */
const PHASES = [9, 6, 3];
const WATCHED_MS = 9_000;
const SETTLED_MS = 7_000;
/** A picture is live when its delay exceeds the final one by no more than this. */
const LIVE_MS = 100;
/** Longer than the shortest interval of key frame requests. */
const BETWEEN_SECONDS = 3;

/** @returns ms from the POST to the first picture that is live */
async function join({ camera, openPage, whepUrl }: WebRtcServer, phase: number): Promise<number> {
  const page = await openPage();
  const { groupSeconds } = LONG_GROUPS;
  await seconds((phase - camera.phase() + groupSeconds) % groupSeconds);
  const watching = await watch(page, { url: whepUrl, readsClock: true });
  await seconds(WATCHED_MS / 1000);
  const { clock } = await watching.report();
  await watching.close();
  await page.close();
  const lags = clock.flatMap(({ atMs, wallMs, clockMs }) =>
    clockMs === undefined ? [] : [{ atMs, lagMs: wallMs - camera.sentMs(clockMs, wallMs) }],
  );
  const steadyMs = median(lags.filter(({ atMs }) => atMs >= SETTLED_MS).map(({ lagMs }) => lagMs));
  return lags.find(({ lagMs }) => lagMs <= steadyMs + LIVE_MS)?.atMs ?? WATCHED_MS;
}

/** @param heeds the camera makes the requested key frames */
async function joins(heeds: boolean): Promise<number[]> {
  let clip: ClipCamera | undefined;
  const requestKeyFrame = () => clip?.requestKeyFrame();
  const quirks = heeds ? {} : { ignoresKeyFrameRequests: true };
  await using onvif: OnvifCamera = await startOnvifCamera({ quirks, requestKeyFrame });
  await using box = await startWebRtcServer(LONG_GROUPS, undefined, (camera) => {
    clip = camera;
    return onvif.url;
  });
  const all: number[] = [];
  for (const phase of PHASES) {
    await seconds(BETWEEN_SECONDS);
    all.push(await join(box, phase));
  }
  return all;
}

export const keyFrameWish: Figure = {
  name: 'key-frame-wish',
  unit: 'ms',
  goal: 500,
  isAbsolute: true,
  about: `time until a WebRTC viewer that joins ${PHASES.join(', ')} s into a group of ${LONG_GROUPS.groupSeconds} s is live, with a camera that makes key frames on request`,
  measure: async (note) => {
    const times = (all: readonly number[]) => all.map((ms) => ms.toFixed(0)).join(' ');
    note(`of one that does not: ${times(await joins(false))}`);
    const heeded = await joins(true);
    note(`of one that does: ${times(heeded)}`);
    return heeded;
  },
};
