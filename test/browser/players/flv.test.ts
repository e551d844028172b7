import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../agent/base/clock.ts';
import { silentLogger } from '../../../agent/base/log.ts';
import { createHttpApp } from '../../../agent/http/listener/app.ts';
import type { RouteDeps } from '../../../agent/protocols/contract.ts';
import { mountFlv } from '../../../agent/servers/rtmp/flv-routes.ts';
import { FlvServer } from '../../../agent/servers/rtmp/flv-server.ts';
import { PLAIN } from '../../../agent/servers/rtmp/session-kinds.ts';
import type { Paths } from '../../../agent/stream/contracts.ts';
import { Stream } from '../../../agent/stream/stream.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { type BarClip, barClip, TINY } from '../../peers/cameras/bar-clip.ts';
import { CLIP_FPS, codedClip } from '../../peers/cameras/coded-clip.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { listenLocally } from '../../support/base/local-listener.ts';
import { openAccess } from '../../support/harness/http/open-access.ts';

const MPEGTS_JS = createRequire(import.meta.url).resolve('mpegts.js');
const CLIPS: Readonly<Record<string, BarClip>> = {
  aac: { ...TINY, audio: 'aac' },
  opus: { ...TINY, audio: 'opus' },
};
const PLAYED_S = 2;

interface Played {
  readonly playedS: number;
  readonly size: readonly [width: number, height: number];
  readonly soundBytes: number;
  readonly errors: readonly string[];
}

/** The global of mpegts.js's script. */
interface MpegtsPage {
  readonly mpegts: {
    createPlayer(source: object): {
      attachMediaElement(video: HTMLVideoElement): void;
      load(): void;
      on(event: string, listener: (...facts: unknown[]) => void): void;
    };
    readonly Events: { readonly ERROR: string };
  };
  played(): Played;
}

/** Runs in the page. */
function play({ url, hasAudio }: { url: string; hasAudio: boolean }): void {
  const page = globalThis as unknown as MpegtsPage & { played: MpegtsPage['played'] };
  const video = document.createElement('video');
  video.muted = true;
  video.autoplay = true;
  document.body.append(video);
  const errors: string[] = [];
  const player = page.mpegts.createPlayer({ type: 'flv', isLive: true, url, hasAudio });
  player.on(page.mpegts.Events.ERROR, (...facts) => errors.push(JSON.stringify(facts)));
  player.attachMediaElement(video);
  player.load();
  page.played = () => ({
    playedS: Array.from({ length: video.played.length }, (_, i) => video.played.end(i) - video.played.start(i)).reduce(
      (a, b) => a + b,
      0,
    ),
    size: [video.videoWidth, video.videoHeight],
    soundBytes: (video as unknown as { webkitAudioDecodedByteCount: number }).webkitAudioDecodedByteCount,
    errors,
  });
}

/**
 * A camera of AV1 that repeats its clip, as FLV for pages of any site. A GOP is longer than what is played: with each key frame of AV1
 * mpegts.js sends the browser an initialization segment before the last pictures of the GOP, which the browser drops. @returns its address
 */
async function serveAv1(): Promise<string> {
  const { track, units } = await codedClip('av1', 2 * PLAYED_S, 2 * PLAYED_S);
  const stream = new Stream([track]);
  let number = 0;
  const stop = systemClock.every(1000 / CLIP_FPS, () => {
    const unit = units[number % units.length];
    const pts = number * (90_000 / CLIP_FPS);
    stream.write(0, {
      pts,
      dts: pts,
      wall: Date.now(),
      key: unit?.key === true,
      data: unit?.data ?? new Uint8Array(0),
    });
    number += 1;
  });
  const paths = { open: async () => stream } as unknown as Paths;
  const flv = new FlvServer(PLAIN, 512, paths, systemClock, silentLogger);
  const app = createHttpApp({ log: silentLogger });
  await mountFlv(app, {
    ...{ access: openAccess, clock: systemClock, running: () => ({ flv }) },
    paths: { find: () => ({ ready: true }) },
    config: () => ({ hlsAllowOrigins: ['*'] }),
  } as unknown as RouteDeps<never>);
  const { port } = await listenLocally(app);
  onTestFinished(async () => {
    stop();
    flv.close();
    await app.close();
  });
  return `http://127.0.0.1:${port}/live/av1.live.flv`;
}

describeWith(['chromium', 'ffmpeg'], 'mpegts.js in Chromium', () => {
  const publishers: AsyncDisposable[] = [];
  let agent: Agent;
  let viewer: Viewer;

  beforeAll(async () => {
    [agent, viewer] = await Promise.all([startAgent({ config: 'paths:\n  all_others:\n' }), startViewer()]);
    for (const [name, clip] of Object.entries(CLIPS)) {
      publishers.push(await publishClip(agent, name, await barClip(clip), { isEndless: true }));
    }
  });
  afterAll(async () => {
    for (const one of [viewer, ...publishers, agent]) {
      await one?.[Symbol.asyncDispose]();
    }
  });

  async function open(url: string, hasAudio = true): Promise<Page> {
    const page = await viewer.open(`${agent.url}/health`);
    onTestFinished(() => page.close());
    await page.addScriptTag({ path: MPEGTS_JS });
    await page.evaluate(play, { url, hasAudio });
    return page;
  }

  /** Resolves after this many seconds, or at an error of the player. */
  async function played(page: Page): Promise<Played> {
    return until(async () => {
      const now = await page.evaluate(() => (globalThis as unknown as MpegtsPage).played());
      return now.playedS >= PLAYED_S || now.errors.length > 0 ? now : undefined;
    });
  }

  test.for([
    ['H.264 and AAC over HTTP', 'http', 'aac'],
    ['H.264 and AAC over a WebSocket', 'ws', 'aac'],
    ['H.264 and Opus', 'http', 'opus'],
  ] as const)('plays %s', async ([, scheme, name]) => {
    const page = await open(`${agent.url.replace('http', scheme)}/live/${name}.live.flv`);
    const { size, soundBytes, errors } = await played(page);
    expect(errors).toEqual([]);
    expect(size).toEqual([TINY.width, TINY.height]);
    expect(soundBytes).toBeGreaterThan(0);
  });

  test('plays AV1', async () => {
    const { errors, playedS } = await played(await open(await serveAv1(), false));
    expect(errors).toEqual([]);
    expect(playedS).toBeGreaterThanOrEqual(PLAYED_S);
  });

  test('its viewer is listed while it plays', async () => {
    const page = await open(`${agent.url}/live/aac.live.flv`);
    await played(page);
    const viewers = async () => {
      const { items } = await agent.json<{ items: { state: string; path: string }[] }>('/v3/rtmpconns/list');
      return items.filter(({ state, path }) => state === 'read' && path === 'aac').length;
    };
    const before = await viewers();
    expect(before).toBeGreaterThan(0);
    await page.close();
    await until(async () => (await viewers()) < before || undefined);
  });
});
