// @also without-ffi in long

import { expect, test } from 'vitest';
import { Stream } from '../../../agent/stream/stream.ts';
import { frames, message, SOON, WebRtcPages } from '../../peers/browser/webrtc-pages.ts';
import { describeWith, inLong } from '../../peers/programs/peers.ts';
import { mp3 } from '../../support/media/audio-tracks.ts';

describeWith(['chromium'], "the reader's page of WebRTC in Chromium", () => {
  const pages = new WebRtcPages();

  test('a frozen picture is labelled until it continues', async () => {
    await pages.start();
    await pages.film();
    const viewer = await pages.open('/cam/');
    await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(20);
    expect(await viewer.textContent('#stall')).toBe('');
    const stream = pages.place.stream as Stream;
    const write = stream.write.bind(stream);
    stream.write = () => {};
    await expect.poll(() => viewer.textContent('#stall'), SOON).toMatch(/^No new picture for \d s$/);
    stream.write = write;
    stream.requestKeyFrame();
    await expect.poll(() => viewer.textContent('#stall'), SOON).toBe('');
  });

  test('a viewer sees why its session has ended, and resumes when it can', async () => {
    await pages.start();
    await pages.film();
    const viewer = await pages.open('/cam/');
    await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(5);
    // The message is shown for two seconds, which a busy machine may miss.
    const said = await viewer.evaluateHandle(() => {
      const texts: (string | null)[] = [];
      const place = document.querySelector('#message') as Element;
      new MutationObserver(() => texts.push(place.textContent)).observe(place, {
        childList: true,
        characterData: true,
      });
      return texts;
    });
    const methods: string[] = [];
    viewer.on('request', (request) => {
      // The page asks whether it may talk after its first picture, on a busy machine as late as now.
      if (!request.url().endsWith('/talk')) {
        methods.push(request.method());
      }
    });
    const [session] = pages.run.server.list().filter(({ state }) => state === 'read');
    pages.run.server.kick(session?.id ?? '');
    await expect.poll(() => said.jsonValue(), SOON).toContain('ended through the API, retrying in some seconds');
    expect(methods[0]).toBe('GET');
    await expect.poll(() => message(viewer), SOON).toBe('');
    await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(5);
    expect(methods).toContain('POST');
  });

  inLong(() =>
    test('a viewer whose network changes keeps its session', async () => {
      await pages.start();
      await pages.film();
      const viewer = await pages.open('/cam/');
      await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(5);
      const restarts: number[] = [];
      viewer.on('response', (response) => {
        if (response.request().method() === 'PATCH' && response.status() === 200) {
          restarts.push(response.status());
        }
      });
      const [before] = pages.run.server.list().filter(({ state }) => state === 'read');
      // As after a network change: the browser reports that it is online again.
      await viewer.evaluate(() => dispatchEvent(new Event('online')));
      await expect.poll(() => restarts, SOON).toEqual([200]);
      const seen = await frames(viewer);
      await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(seen + 20);
      const [after] = pages.run.server.list().filter(({ state }) => state === 'read');
      expect(after?.id).toBe(before?.id);
      expect(after?.remoteCandidate).not.toBe('');
    }),
  );

  test('candidates of a new network do not overtake their ICE restart', async () => {
    await pages.start();
    await pages.film();
    const viewer = await pages.newPage();
    await viewer.clock.install();
    await viewer.goto(`${pages.url}/cam/`);
    await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(5);
    const [before] = pages.run.server.list().filter(({ state }) => state === 'read');

    // The first candidates are sent: on a busy machine they are found after the first pictures.
    const isSettled = "!reader.isRestarting && reader.pc.iceGatheringState === 'complete' && reader.candidates.length";
    await expect.poll(() => viewer.evaluate(isSettled), SOON).toBe(0);
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
    const [after] = pages.run.server.list().filter(({ state }) => state === 'read');
    expect(after?.id).toBe(before?.id);
  });

  test('a page from the back/forward cache plays again', async () => {
    await pages.start();
    await pages.film();
    const viewer = await pages.open('/cam/');
    await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(5);
    await viewer.evaluate(() => dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })));
    await expect.poll(() => pages.run.server.list().map(({ state }) => state), SOON).toEqual([]);
    await viewer.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
    await expect.poll(() => pages.run.server.list().map(({ state }) => state), SOON).toEqual(['read']);
    await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(5);
  });

  test('names a track that does not play here', async () => {
    await pages.start();
    await pages.film();
    const tracks = pages.place.stream?.tracks ?? [];
    pages.place.stream = new Stream([...tracks.filter(({ kind }) => kind === 'video'), mp3]);
    const viewer = await pages.open('/cam/');
    await expect
      .poll(() => viewer.textContent('#note'), SOON)
      .toBe('Not played here: audio MPEG-1/2 Audio (browsers cannot play it over WebRTC)');
  });

  test('a viewer starts and ends talking through the camera with a button', async () => {
    await pages.start();
    await pages.film();
    const viewer = await pages.open('/cam/');
    const button = viewer.locator('#talk');
    await expect.poll(() => button.isVisible(), SOON).toBe(true);
    await button.click();
    await expect.poll(() => button.textContent(), SOON).toBe('Stop talking');
    await expect.poll(() => pages.place.heard, SOON).toBeGreaterThan(8_000);
    await button.click();
    await expect.poll(() => pages.place.isTaken, SOON).toBe(false);
    expect(await button.textContent()).toBe('Talk');
  });

  test('the button is hidden without a loudspeaker', async () => {
    await pages.start();
    pages.place.isDeaf = true;
    await pages.film();
    const viewer = await pages.open('/cam/');
    const asked = viewer.waitForResponse((response) => response.url().endsWith('/talk'), SOON);
    expect([(await asked).status(), (await asked).headers()['perch-talk']]).toEqual([204, 'no']);
    expect(await viewer.locator('#talk').isVisible()).toBe(false);
  });

  test('an unchanged rejection is retried every fifteen seconds, not every two', async () => {
    await pages.start();
    pages.place.stream = new Stream([mp3]);
    const viewer = await pages.newPage();
    await viewer.clock.install();
    await viewer.goto(`${pages.url}/cam/`);
    await expect.poll(() => message(viewer), SOON).toContain('no codec that WebRTC supports: it has MPEG-1/2 Audio');
    const tried = pages.place.logins;
    await viewer.clock.runFor(14_000);
    expect(await viewer.evaluate(async () => (await fetch('whep', { method: 'PUT' })).status)).toBe(405);
    expect(pages.place.logins).toBe(tried);
    await viewer.clock.runFor(1_000);
    await expect.poll(() => pages.place.logins, SOON).toBeGreaterThan(tried);
  });

  test('a wrong password is not retried', async () => {
    await pages.start();
    const viewer = await pages.newPage();
    await viewer.clock.install();
    await viewer.goto(`${pages.url}/cam/`);
    await expect.poll(() => message(viewer), SOON).toContain('no stream is available');
    pages.place.isForbidden = true;
    await viewer.clock.runFor(2_000);
    await expect.poll(() => message(viewer), SOON).toBe('authentication error');
    const tried = pages.place.logins;
    await viewer.clock.runFor(60_000);
    expect(await viewer.evaluate(async () => (await fetch('whep', { method: 'PUT' })).status)).toBe(405);
    expect(pages.place.logins).toBe(tried);
  });
});
