// @also without-ffi in long

import { expect, test } from 'vitest';
import { frames, message, SOON, WebRtcPages } from '../../peers/browser/webrtc-pages.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';

describeWith(['chromium'], "the publisher's page in Chromium", () => {
  const pages = new WebRtcPages();

  test('one page publishes and another plays, until the first ends its session', async () => {
    await pages.start();
    const publisher = await pages.publish();
    expect(pages.place.stream?.tracks.map(({ codec }) => codec).toSorted()).toEqual(['h264', 'opus']);
    const viewer = await pages.open('/cam/');
    await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(20);
    expect(await message(viewer)).toBe('');
    expect(pages.run.server.list().map(({ state }) => state)).toEqual(['publish', 'read']);

    await publisher.click('#stop');
    expect(await message(publisher)).toBe('Stopped.');
    await expect.poll(() => message(viewer), SOON).toContain("no stream is available on path 'cam'");
    expect(pages.run.server.list()).toEqual([]);
  });

  test('a page whose path another one takes over stops, gives the reason, and may take it back', async () => {
    await pages.start();
    const first = await pages.publish();
    let offers = 0;
    first.on('request', (request) => {
      offers += request.method() === 'POST' ? 1 : 0;
    });
    const second = await pages.publish();
    const taken = "Stopped: another publisher has taken path 'cam'.";
    await expect.poll(() => message(first), SOON).toBe(taken);
    expect(await first.locator('#publish').isVisible()).toBe(true);
    // Nor does the return of the network cause a retry.
    await first.evaluate(() => dispatchEvent(new Event('online')));
    expect(await message(second)).toBe('Publishing.');
    await first.click('#publish');
    await expect.poll(() => message(second), SOON).toBe(taken);
    expect(offers).toBe(1);
  });

  const CHOICES = [
    ['vp8/90000', 'vp8', 'opus', 'opus'],
    ['AV1', 'av1', 'pcmu', 'g711'],
    ['video/vp9', 'vp9', 'G722/8000', 'g722'],
  ] as const;
  test.for(inShort(CHOICES, 'video/vp9'))(
    'the query chooses the codecs: %s and its sound',
    async ([video, pictures, audio, sound]) => {
      await pages.start();
      await pages.publish(`video-codec=${video}&audio-codec=${audio}&video-width=320&video-height=180`);
      expect(pages.place.stream?.tracks.map(({ codec }) => codec).toSorted()).toEqual([pictures, sound].toSorted());
    },
  );

  test('a simulcast arrives as one encoding', async () => {
    await pages.start();
    const page = await pages.open('/cam/publish');
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
      // Enough pictures that further encodings would have been noticed.
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
    await expect.poll(() => pages.place.stream?.tracks[0]?.codec, SOON).toBe('vp8');
  });
});
