// @also without-ffi in long

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../agent/base/clock.ts';
import { silentLogger } from '../../../agent/base/log.ts';
import { WebRtcServer } from '../../../agent/servers/webrtc/server/server.ts';
import { createIdentity } from '../../../agent/transports/webrtc/dtls/dtls.ts';
import type { SrtpProfile } from '../../../agent/transports/webrtc/srtp/srtp-keys.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';
import { WEBRTC_OPTIONS } from '../../support/clients/webrtc/webrtc-options.ts';
import { webrtcPaths } from '../../support/clients/webrtc/webrtc-paths.ts';

const REQUESTER = { path: 'echo', query: '', remoteAddr: '127.0.0.1:5', userAgent: 'test', user: '' };

/** The cheaper profile depends on the machine; both must be correct on every one. */
const order: SrtpProfile[] = [];
const identity = createIdentity(order);

describeWith(['chromium'], 'Chromium and our keys', () => {
  const page = createServer((_, response) => response.end('<!doctype html>'));
  const paths = webrtcPaths(() => Promise.reject(new Error('no path')));
  const server = new WebRtcServer(WEBRTC_OPTIONS, paths, systemClock, silentLogger, undefined, () => identity);
  let viewer: Viewer;

  beforeAll(async () => {
    await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
    await server.listen();
    viewer = await startViewer();
  });

  afterAll(async () => {
    await viewer?.[Symbol.asyncDispose]();
    await server.close();
    page.close();
  });

  const CASES = [
    ['SRTP_AEAD_AES_128_GCM', 'actpass', [7, 1]],
    ['SRTP_AES128_CM_HMAC_SHA1_80', 'actpass', [1, 7]],
    // As the DTLS server Chromium chooses.
    ['SRTP_AES128_CM_HMAC_SHA1_80', 'passive', [7, 1]],
  ] as const;
  test.for(inShort(CASES, 'SRTP_AEAD_AES_128_GCM actpass', 'SRTP_AES128_CM_HMAC_SHA1_80 passive'))(
    'with %s and a=setup:%s, sound and reports go there and back',
    async ([cipher, setup, profiles]) => {
      order.splice(0, order.length, ...profiles);
      const tab = await viewer.open(`http://127.0.0.1:${(page.address() as AddressInfo).port}/`);
      const offer = await tab.evaluate(async () => {
        const pc = new RTCPeerConnection();
        Object.assign(globalThis, { pc });
        const media = await navigator.mediaDevices.getUserMedia({ audio: true });
        pc.addTransceiver(media.getAudioTracks()[0] as MediaStreamTrack);
        await pc.setLocalDescription();
        return pc.localDescription?.sdp ?? '';
      });
      const { answer } = await server.echo(REQUESTER, offer.replaceAll('a=setup:actpass', `a=setup:${setup}`));
      const stats = () =>
        tab.evaluate(async () => {
          const { pc } = globalThis as unknown as { pc: RTCPeerConnection };
          const all = [...(await pc.getStats()).values()];
          const of = (type: string) => all.find((one) => one.type === type);
          return {
            cipher: of('transport')?.srtpCipher,
            received: of('inbound-rtp')?.packetsReceived ?? 0,
            reports: of('remote-inbound-rtp')?.roundTripTimeMeasurements ?? 0,
          };
        });
      await tab.evaluate((sdp) => {
        const { pc } = globalThis as unknown as { pc: RTCPeerConnection };
        return pc.setRemoteDescription({ type: 'answer', sdp });
      }, answer);
      await expect.poll(async () => (await stats()).received, { timeout: 20_000 }).toBeGreaterThan(100);
      await expect.poll(async () => (await stats()).reports, { timeout: 20_000 }).toBeGreaterThan(0);
      expect((await stats()).cipher).toBe(cipher);
      await tab.close();
    },
  );
});
