import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { PerchError } from '../../agent/base/errors.ts';
import type { Publication, Publisher, TalkChannel } from '../../agent/servers/webrtc/gateway.ts';
import { Stream } from '../../agent/stream/stream.ts';
import { mp3 } from '../audio-tracks.ts';
import { CHROMIUM, describeWith } from '../peers/peers.ts';
import { type SignallingApp, signallingApp } from '../signalling-app.ts';

const SOON = { timeout: 20_000 };
const DEVICES = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];

/** One path that browsers publish to and watch, with a loudspeaker unless it is deaf. */
class Place {
  stream: Stream | undefined;
  publisher: Publisher | undefined;
  /** Bytes of voice that came out of the loudspeaker. */
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
        open: (tracks) => {
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
    talk: async (path: string): Promise<TalkChannel> => {
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

const frames = (page: Page): Promise<number> =>
  page.evaluate(() => document.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0);
const message = (page: Page) => page.textContent('#message');

describeWith(['chromium'], 'the WebRTC pages in Chromium', () => {
  let browser: Browser;
  let place: Place;
  let run: SignallingApp;
  let url = '';
  const pages: Page[] = [];

  beforeAll(async () => {
    const args = ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required', ...DEVICES];
    browser = await chromium.launch({ executablePath: CHROMIUM, args });
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    for (const page of pages.splice(0)) {
      await page.close();
    }
    await run[Symbol.asyncDispose]();
  });

  async function start(): Promise<void> {
    place = new Place();
    run = await signallingApp({ access: place.access }, { prefix: '/webrtc', paths: place.paths });
    url = `${await run.app.listen({ host: '127.0.0.1', port: 0 })}/webrtc`;
  }

  async function open(path: string): Promise<Page> {
    const page = await browser.newPage();
    pages.push(page);
    await page.goto(url + path);
    return page;
  }

  async function publish(query = 'video-width=640&video-height=360&video-bitrate=1000'): Promise<Page> {
    const page = await open(`/cam/publish?${query}`);
    await expect.poll(() => page.locator('#video-device option').count(), SOON).toBeGreaterThan(1);
    await page.click('#publish');
    await expect.poll(() => message(page), SOON).toBe('Publishing.');
    await expect.poll(() => place.stream?.tracks.length, SOON).toBe(2);
    return page;
  }

  test('one page publishes and another watches, until the first says goodbye', async () => {
    await start();
    const publisher = await publish();
    expect(place.stream?.tracks.map(({ codec }) => codec).toSorted()).toEqual(['h264', 'opus']);
    const viewer = await open('/cam/');
    await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(20);
    expect(await message(viewer)).toBe('');
    expect(run.server.list().map(({ state }) => state)).toEqual(['publish', 'read']);

    await publisher.click('#stop');
    expect(await message(publisher)).toBe('Stopped.');
    await expect.poll(() => message(viewer), SOON).toContain("no stream is available on path 'cam'");
    expect(run.server.list()).toEqual([]);
  });

  test('a picture that stands still is said to, until it goes on', async () => {
    await start();
    await publish();
    const viewer = await open('/cam/');
    await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(20);
    expect(await viewer.textContent('#stall')).toBe('');
    const stream = place.stream as Stream;
    const write = stream.write.bind(stream);
    stream.write = () => {};
    await expect.poll(() => viewer.textContent('#stall'), SOON).toMatch(/^No new picture for [4-6] s$/);
    stream.write = write;
    stream.requestKeyFrame();
    await expect.poll(() => viewer.textContent('#stall'), SOON).toBe('');
  });

  test('a page whose path another one takes stops, says why, and may take it back', async () => {
    await start();
    const first = await publish();
    let offers = 0;
    first.on('request', (request) => {
      offers += request.method() === 'POST' ? 1 : 0;
    });
    const second = await publish();
    const taken = "Stopped: another publisher has taken path 'cam'.";
    await expect.poll(() => message(first), SOON).toBe(taken);
    expect(await first.locator('#publish').isVisible()).toBe(true);
    // As when its network comes back: that is no reason to try again either.
    await first.evaluate(() => dispatchEvent(new Event('online')));
    expect(await message(second)).toBe('Publishing.');
    await first.click('#publish');
    await expect.poll(() => message(second), SOON).toBe(taken);
    expect(offers).toBe(1);
  });

  test('a viewer is told why its session has ended, and goes on when it can', async () => {
    await start();
    await publish();
    const viewer = await browser.newPage();
    pages.push(viewer);
    await viewer.clock.install();
    await viewer.goto(`${url}/cam/`);
    await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(5);
    const methods: string[] = [];
    viewer.on('request', (request) => methods.push(request.method()));
    const [session] = run.server.list().filter(({ state }) => state === 'read');
    run.server.kick(session?.id ?? '');
    await expect.poll(() => message(viewer), SOON).toBe('ended through the API, retrying in some seconds');
    expect(methods).toEqual(['GET']);
    await viewer.clock.runFor(2_000);
    await expect.poll(() => message(viewer), SOON).toBe('');
  });

  test.for([
    ['vp8/90000', 'vp8', 'opus', 'opus'],
    ['AV1', 'av1', 'pcmu', 'g711'],
    ['video/vp9', 'vp9', 'G722/8000', 'g722'],
  ] as const)('the query chooses the codecs: %s and its sound', async ([video, pictures, audio, sound]) => {
    await start();
    await publish(`video-codec=${video}&audio-codec=${audio}&video-width=320&video-height=180`);
    expect(place.stream?.tracks.map(({ codec }) => codec).toSorted()).toEqual([pictures, sound].toSorted());
  });

  test('a simulcast comes as one encoding', async () => {
    await start();
    const page = await open('/cam/publish');
    const sources = await page.evaluate(async () => {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 } });
      const pc = new RTCPeerConnection();
      const sendEncodings = [
        { rid: 'h' },
        { rid: 'm', scaleResolutionDownBy: 2 },
        { rid: 'l', scaleResolutionDownBy: 4 },
      ];
      pc.addTransceiver(stream.getTracks()[0] as MediaStreamTrack, { direction: 'sendonly', sendEncodings });
      await pc.setLocalDescription();
      const { sdp } = pc.localDescription as RTCSessionDescription;
      const headers = { 'Content-Type': 'application/sdp' };
      const response = await fetch('whip', { method: 'POST', headers, body: sdp });
      await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() });
      await new Promise((resolve) => {
        pc.onconnectionstatechange = () => pc.connectionState === 'connected' && resolve(undefined);
      });
      // As many pictures as nobody could miss further encodings for.
      const sending = async () => [...(await pc.getStats()).values()].filter(({ type }) => type === 'outbound-rtp');
      for (;;) {
        const all = await sending();
        if (all.some(({ framesSent }) => framesSent > 20)) {
          return all.filter(({ bytesSent }) => bytesSent > 0).map(({ rid, frameWidth }) => [rid, frameWidth]);
        }
        await new Promise(requestAnimationFrame);
      }
    });
    expect(sources).toHaveLength(1);
    await expect.poll(() => place.stream?.tracks[0]?.codec, SOON).toBe('vp8');
  });

  test('a viewer whose network changes keeps its session', async () => {
    await start();
    await publish();
    const viewer = await open('/cam/');
    await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(5);
    const restarts: number[] = [];
    viewer.on('response', (response) => {
      if (response.request().method() === 'PATCH' && response.status() === 200) {
        restarts.push(response.status());
      }
    });
    const [before] = run.server.list().filter(({ state }) => state === 'read');
    // As after a change of the network: the browser says that it is online again.
    await viewer.evaluate(() => dispatchEvent(new Event('online')));
    await expect.poll(() => restarts, SOON).toEqual([200]);
    const seen = await frames(viewer);
    await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(seen + 20);
    const [after] = run.server.list().filter(({ state }) => state === 'read');
    expect(after?.id).toBe(before?.id);
    expect(after?.remoteCandidate).not.toBe('');
  });

  test('candidates of a new network do not overtake the restart that they belong to', async () => {
    await start();
    await publish();
    const viewer = await browser.newPage();
    pages.push(viewer);
    await viewer.clock.install();
    await viewer.goto(`${url}/cam/`);
    await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(5);
    const [before] = run.server.list().filter(({ state }) => state === 'read');

    const patches: number[] = [];
    let asked = 0;
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await viewer.route('**/whep/*', async (route) => {
      const isFirst = asked === 0;
      asked += 1;
      if (isFirst) {
        await released;
      }
      const response = await route.fetch();
      patches.push(response.status());
      await route.fulfill({ response });
    });
    await viewer.evaluate(() => dispatchEvent(new Event('online')));
    await expect.poll(() => viewer.evaluate('reader.candidates.length'), SOON).toBeGreaterThan(0);
    await viewer.clock.runFor(1_000);
    expect(asked).toBe(1);
    release();
    await expect.poll(() => patches, SOON).toEqual([200, 204]);
    expect(await message(viewer)).toBe('');
    const [after] = run.server.list().filter(({ state }) => state === 'read');
    expect(after?.id).toBe(before?.id);
  });

  test('a page that the browser has kept plays again when somebody comes back to it', async () => {
    await start();
    await publish();
    const viewer = await open('/cam/');
    await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(5);
    await viewer.evaluate(() => dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })));
    await expect.poll(() => run.server.list().map(({ state }) => state), SOON).toEqual(['publish']);
    await viewer.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
    await expect.poll(() => run.server.list().map(({ state }) => state), SOON).toEqual(['publish', 'read']);
    await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(5);
  });

  test('a track that does not play here is named on the page', async () => {
    await start();
    await publish();
    const tracks = place.stream?.tracks ?? [];
    place.stream = new Stream([...tracks.filter(({ kind }) => kind === 'video'), mp3]);
    const viewer = await open('/cam/');
    await expect
      .poll(() => viewer.textContent('#note'), SOON)
      .toBe('Not played here: audio MPEG-1/2 Audio (browsers cannot play it over WebRTC)');
  });

  test('a viewer talks through the camera by a button, and hangs up by it', async () => {
    await start();
    await publish();
    const viewer = await open('/cam/');
    const button = viewer.locator('#talk');
    await expect.poll(() => button.isVisible(), SOON).toBe(true);
    await button.click();
    await expect.poll(() => button.textContent(), SOON).toBe('Stop talking');
    await expect.poll(() => place.heard, SOON).toBeGreaterThan(8_000);
    await button.click();
    await expect.poll(() => place.isTaken, SOON).toBe(false);
    expect(await button.textContent()).toBe('Talk');
  });

  test('the button is not there where nobody would hear', async () => {
    await start();
    place.isDeaf = true;
    await publish();
    const viewer = await open('/cam/');
    const asked = viewer.waitForResponse((response) => response.url().endsWith('/talk'), SOON);
    expect([(await asked).status(), (await asked).headers()['perch-talk']]).toEqual([204, 'no']);
    expect(await viewer.locator('#talk').isVisible()).toBe(false);
  });

  test('a refusal that stays the same is heard every fifteen seconds, not every two', async () => {
    await start();
    place.stream = new Stream([mp3]);
    const viewer = await browser.newPage();
    pages.push(viewer);
    await viewer.clock.install();
    await viewer.goto(`${url}/cam/`);
    await expect.poll(() => message(viewer), SOON).toContain('no codec that WebRTC supports: it has MPEG-1/2 Audio');
    const tried = place.logins;
    await viewer.clock.runFor(14_000);
    expect(await viewer.evaluate(async () => (await fetch('whep', { method: 'PUT' })).status)).toBe(405);
    expect(place.logins).toBe(tried);
    await viewer.clock.runFor(1_000);
    await expect.poll(() => place.logins, SOON).toBeGreaterThan(tried);
  });

  test('a password that is wrong is not tried again', async () => {
    await start();
    const viewer = await browser.newPage();
    pages.push(viewer);
    await viewer.clock.install();
    await viewer.goto(`${url}/cam/`);
    await expect.poll(() => message(viewer), SOON).toContain('no stream is available');
    place.isForbidden = true;
    await viewer.clock.runFor(2_000);
    await expect.poll(() => message(viewer), SOON).toBe('authentication error');
    const tried = place.logins;
    await viewer.clock.runFor(60_000);
    expect(await viewer.evaluate(async () => (await fetch('whep', { method: 'PUT' })).status)).toBe(405);
    expect(place.logins).toBe(tried);
  });
});
