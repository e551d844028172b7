import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { systemClock } from '../../../agent/base/clock.ts';
import { PerchError } from '../../../agent/base/errors.ts';
import type { Sample } from '../../../agent/media/sample/sample.ts';
import type { BackChannel, Publication, Publisher } from '../../../agent/stream/contracts.ts';
import { Stream } from '../../../agent/stream/stream.ts';
import { type SignallingApp, signallingApp } from '../../support/harness/http/signalling-app.ts';
import { type Mp4Clip, mp4Clip } from '../cameras/mp4-clip.ts';
import { startViewer, type Viewer } from './browser.ts';

export const SOON = { timeout: 20_000 };
const CLIP_SECONDS = 5;
const PICTURE_MS = 40;

/** One path that browsers publish to and play, with a loudspeaker unless `isDeaf`. */
class Place {
  stream: Stream | undefined;
  publisher: Publisher | undefined;
  /** Bytes of voice at the loudspeaker. */
  heard = 0;
  isTaken = false;
  isDeaf = false;
  isForbidden = false;
  logins = 0;

  readonly paths = {
    open: async (path: string): Promise<Stream> => {
      if (!this.stream) {
        throw new PerchError('notFound', `no stream is available on path '${path}'`);
      }
      return this.stream;
    },
    mayPublish: (): void => {},
    publish: (path: string, publisher: Publisher): Publication => {
      this.publisher?.onReplaced(`another publisher has taken path '${path}'`, 'publisher');
      this.publisher = publisher;
      return {
        publish: (tracks) => {
          this.stream = new Stream(tracks);
          return this.stream;
        },
        close: () => {
          this.publisher = undefined;
          this.stream?.close();
          this.stream = undefined;
        },
      };
    },
    mayTalk: async (path: string): Promise<void> => {
      if (this.isDeaf) {
        throw new PerchError('unsupported', `the camera of path '${path}' has no back channel`);
      }
    },
    talk: async (path: string): Promise<BackChannel> => {
      await this.paths.mayTalk(path);
      this.isTaken = true;
      return {
        codec: 'PCMA',
        clockRate: 8_000,
        channels: 1,
        send: (payload) => {
          this.heard += payload.length;
        },
        close: () => {
          this.isTaken = false;
        },
      };
    },
  };

  readonly access = {
    require: async (): Promise<void> => {
      this.logins += 1;
      if (this.isForbidden) {
        throw new PerchError('unauthorized', 'authentication error');
      }
    },
    identify: () => ({ ip: '127.0.0.1' }),
  };
}

/** Pictures that the page has shown. */
export const frames = (page: Page): Promise<number> =>
  page.evaluate(() => document.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0);
export const message = (page: Page) => page.textContent('#message');

/** Samples of a clip without B-frames have the same duration. */
const ticksBefore = ({ samples, track }: Mp4Clip, number: number): number =>
  number *
  (track.kind === 'video' ? (track.clockRate * PICTURE_MS) / 1000 : (samples[2]?.pts ?? 0) - (samples[1]?.pts ?? 0));

/** The WebRTC pages of a separate server, in one Chromium for all tests of a file. */
export class WebRtcPages {
  place = new Place();
  #viewer: Viewer | undefined;
  #run: SignallingApp | undefined;
  #url = '';
  readonly #pages: Page[] = [];
  #stopFilm = (): void => {};

  /** Call it while the tests are defined. */
  constructor() {
    beforeAll(async () => {
      this.#viewer = await startViewer();
    });
    afterAll(() => this.#viewer?.[Symbol.asyncDispose]());
    afterEach(async () => {
      this.#stopFilm();
      for (const page of this.#pages.splice(0)) {
        // A request that a test holds may still be open; its abort is expected.
        await page.unrouteAll({ behavior: 'ignoreErrors' });
        await page.close();
      }
      await this.run[Symbol.asyncDispose]();
    });
  }

  get run(): SignallingApp {
    return this.#run as SignallingApp;
  }

  get url(): string {
    return this.#url;
  }

  async start(): Promise<void> {
    this.place = new Place();
    this.#run = await signallingApp({ access: this.place.access }, { prefix: '/webrtc', paths: this.place.paths });
    this.#url = `${await this.run.app.listen({ host: '127.0.0.1', port: 0 })}/webrtc`;
  }

  /** The path has a camera that repeats its clip in real time. */
  async film(): Promise<void> {
    const clips = await Promise.all([mp4Clip('h264', CLIP_SECONDS), mp4Clip('opus', CLIP_SECONDS)]);
    const stream = new Stream(clips.map(({ track }) => track));
    this.place.stream = stream;
    const sent = clips.map(() => 0);
    const begunMs = performance.now();
    this.#stopFilm = systemClock.every(PICTURE_MS, () => {
      for (const [i, clip] of clips.entries()) {
        const dueTicks = ((performance.now() - begunMs) * clip.track.clockRate) / 1000;
        for (let number = sent[i] ?? 0; ticksBefore(clip, number) <= dueTicks; number += 1) {
          const sample = clip.samples[number % clip.samples.length] as Sample;
          const pts = ticksBefore(clip, number);
          stream.write(i, { ...sample, pts, dts: pts, wall: Date.now() });
          sent[i] = number + 1;
        }
      }
    });
  }

  async newPage(): Promise<Page> {
    const page = await (this.#viewer as Viewer).browser.newPage();
    this.#pages.push(page);
    return page;
  }

  async open(path: string): Promise<Page> {
    const page = await this.newPage();
    await page.goto(this.url + path);
    return page;
  }

  async publish(query = 'video-width=320&video-height=180&video-bitrate=300'): Promise<Page> {
    const page = await this.open(`/cam/publish?${query}`);
    await expect.poll(() => page.locator('#video-device option').count(), SOON).toBeGreaterThan(1);
    await page.click('#publish');
    await expect.poll(() => message(page), SOON).toBe('Publishing.');
    await expect.poll(() => this.place.stream?.tracks.length, SOON).toBe(2);
    return page;
  }
}
