import type { Page } from 'playwright-core';
import { until } from '../agent/agent.ts';
import type { HlsPlayerKind, PlayReport, ShownPicture } from './in-page/hls-player.ts';
import { callInPage } from './page-script.ts';

export type { HlsPlayerKind, PlayReport } from './in-page/hls-player.ts';

/** Plays until this many seconds of pictures have been shown. @returns what it measured */
export async function playHls(page: Page, url: string, kind: HlsPlayerKind, seconds: number): Promise<PlayReport> {
  await callInPage<void>(page, 'hlsPlayer', 'play', { url, kind });
  return until(async () => {
    const report = await hlsReport(page);
    const { pictures, errors } = report;
    const playedMs = (pictures.at(-1)?.wallMs ?? 0) - (pictures[0]?.wallMs ?? 0);
    return playedMs >= seconds * 1000 || errors.some((text) => /fatal|DEMUXER|PIPELINE/.test(text))
      ? report
      : undefined;
  });
}

/** The state so far. */
export const hlsReport = (page: Page): Promise<PlayReport> =>
  callInPage<PlayReport>(page, 'hlsPlayer', 'report', undefined);

/** The delay of the newest shown pictures behind the camera, by their clock: the smallest within a second, in ms. */
export function lagNowMs({ pictures }: PlayReport): number {
  const newest = pictures.at(-1)?.wallMs ?? 0;
  const lately = pictures.filter(({ wallMs, clockMs }) => clockMs !== undefined && newest - wallMs < 1_000);
  return Math.min(...lately.map(({ wallMs, clockMs }) => wallMs - (clockMs ?? 0)));
}

export interface Steps {
  /** Pictures whose clock and the player's time disagree: a gap, or a repeated picture. */
  readonly wrong: readonly string[];
  readonly count: number;
}

/**
 * From each shown picture to the next the camera's clock must advance as the player's time does.
 * @param clipMs the length of the camera's clip, which repeats
 */
export function stepsOf(pictures: readonly ShownPicture[], clipMs: number, pictureMs: number): Steps {
  const read = pictures.filter(({ clockMs }) => clockMs !== undefined);
  const wrong: string[] = [];
  let count = 0;
  for (const [i, picture] of read.entries()) {
    const before = read[i - 1];
    const mediaMs = picture.mediaMs - (before?.mediaMs ?? 0);
    if (!before || mediaMs === 0) {
      continue;
    }
    count += 1;
    const clockMs = (picture.clockMs ?? 0) - (before.clockMs ?? 0);
    // Where the clip repeats, its audio may be a little longer than its video.
    const isAnew = clockMs < 0;
    const offMs = clockMs + (isAnew ? clipMs : 0) - mediaMs;
    if (Math.abs(offMs) > (isAnew ? 2 : 0.5) * pictureMs) {
      wrong.push(
        `at ${picture.mediaMs.toFixed(0)} ms: the player's time advances by ${mediaMs.toFixed(0)} ms, the clock ${clockMs} ms`,
      );
    }
  }
  return { wrong, count };
}
