import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Page } from 'playwright-core';

/** File for `addScriptTag`. */
export const HLS_JS = join(dirname(createRequire(import.meta.url).resolve('hls.js')), 'hls.light.min.js');

/** Globals of a page that plays with hls.js. */
export interface HlsWindow {
  Hls: new (
    config: object,
  ) => {
    loadSource(url: string): void;
    attachMedia(video: HTMLVideoElement): void;
    on(event: string, listener: (event: string, facts: { fatal?: boolean; details?: string }) => void): void;
    readonly playingDate: Date | null;
  };
  player: { readonly playingDate: Date | null };
}

/** Seeks. @returns the time of the picture that is then shown, in seconds from the beginning */
export const seek = (page: Page, toS: number): Promise<number> =>
  page.evaluate(
    (seconds) =>
      new Promise<number>((resolve) => {
        const video = document.querySelector('video') as HTMLVideoElement;
        const sought = new Promise((done) => video.addEventListener('seeked', done, { once: true }));
        video.requestVideoFrameCallback((_now, { mediaTime }) => void sought.then(() => resolve(mediaTime)));
        video.currentTime = seconds;
      }),
    toS,
  );

export const SETUP = '<video preload="auto" style="width: 320px"></video>';

export async function openVideo(page: Page, url: string): Promise<void> {
  await page.setContent(SETUP);
  await page.evaluate(
    (source) =>
      new Promise<void>((resolve, reject) => {
        const video = document.querySelector('video') as HTMLVideoElement;
        video.onerror = () => reject(new Error(video.error?.message));
        video.onloadeddata = () => resolve();
        video.src = source;
      }),
    url,
  );
}
