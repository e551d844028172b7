import { expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { startAgent, until } from '../../peers/agent/agent.ts';
import { startViewer } from '../../peers/browser/browser.ts';
import { startGstCamera } from '../../peers/cameras/camera.ts';
import { describeWith } from '../../peers/programs/peers.ts';

interface Heard {
  readonly mimeType: string;
  readonly energy: number;
  readonly seconds: number;
}

/** A sine of a fifth of full scale: Chromium's energy is the square of the peaks. */
const CAMERA =
  '( audiotestsrc is-live=true volume=0.2 ! audio/x-raw,rate=16000,channels=1 ! avenc_g722 ! rtpg722pay name=pay0 pt=9 )';
const ENERGY = 0.2 ** 2;

describeWith(['chromium', 'gstreamer'], 'sounds of cameras in Chromium', () => {
  test('G.722 over WebRTC is as loud as it was sent', async () => {
    await using camera = await startGstCamera({ '/hall': CAMERA });
    await using agent = await startAgent({ config: `paths:\n  hall: { source: '${camera.url('/hall')}' }\n` });
    await until(async () => (await agent.json<PathStatus>('/v3/paths/get/hall')).ready || undefined);
    await using viewer = await startViewer();
    const page = await viewer.open(`http://127.0.0.1:${agent.ports.webrtc}/hall/`);
    const heard = await page.evaluate(async (): Promise<Heard> => {
      const peer = new RTCPeerConnection();
      peer.addTransceiver('audio', { direction: 'recvonly' });
      await peer.setLocalDescription(await peer.createOffer());
      const [receiver] = peer.getReceivers();
      const player = new Audio();
      player.srcObject = new MediaStream(receiver ? [receiver.track] : []);
      void player.play();
      const headers = { 'Content-Type': 'application/sdp' };
      const body = peer.localDescription?.sdp ?? '';
      const answer = await fetch('whep', { method: 'POST', headers, body });
      await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
      for (;;) {
        const stats = [...(await peer.getStats()).values()];
        const inbound = stats.find((entry) => entry.type === 'inbound-rtp');
        if (inbound?.totalAudioEnergy > 0 && inbound.totalSamplesDuration > 3) {
          const { mimeType } = stats.find((entry) => entry.id === inbound.codecId);
          return { mimeType, energy: inbound.totalAudioEnergy, seconds: inbound.totalSamplesDuration };
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    });
    expect(heard.mimeType).toBe('audio/G722');
    expect(heard.energy / heard.seconds).toBeGreaterThan(ENERGY / 2);
    expect(heard.energy / heard.seconds).toBeLessThan(ENERGY * 1.1);
  });
});
