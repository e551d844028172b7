// @also without-ffi in long

import { expect, test } from 'vitest';
import { MediaRelay } from '../impair/media-relay.ts';
import { startAgent, until } from '../peers/agent/agent.ts';
import { startViewer } from '../peers/browser/browser.ts';
import { watch } from '../peers/browser/webrtc-viewer.ts';
import { barClip, SMALL } from '../peers/cameras/bar-clip.ts';
import { publishClip } from '../peers/clients/publisher.ts';
import { byLength, describeWith, LENGTH } from '../peers/programs/peers.ts';

const SECONDS = byLength(8, 60);
const SOUND_SECONDS = byLength(20, 120);
/** The shares of two losses of 2 % differ by chance. */
const CONCEALED_SPREAD = byLength(0.03, 0.01);
/** 4 Mbit/s: several hundred packets a second. */
const CLIP = { ...SMALL, kilobitsPerSecond: 4_000, groupSeconds: 2, audio: 'opus' } as const;

describeWith(['chromium', 'ffmpeg'], 'where 2 % of all packets are lost', () => {
  test('lost packets are resent: Chromium requests no key frame, and on an idle machine nothing freezes', async () => {
    await using agent = await startAgent({ config: 'api: yes\npaths:\n  all_others:\n' });
    await using viewer = await startViewer();
    await using _publisher = await publishClip(agent, 'cam', await barClip(CLIP), { isEndless: true });
    await using relay = await MediaRelay.start(agent.ports.media, { seed: 4, loss: 0.02 });
    const page = await viewer.open(`${agent.url}/health`);
    const url = `http://127.0.0.1:${agent.ports.webrtc}/cam/whep`;
    const watching = await watch(page, { url, relayPort: relay.port, only: ' udp ' });
    const before = await watching.shown(CLIP.fps);
    await watching.settle();
    const after = await watching.shown(before.pictures + SECONDS * CLIP.fps);
    expect(after).toMatchObject({ status: 201, connection: 'connected', remotePort: relay.port });
    const asked = Number(after.video['nackCount']);
    expect(relay.lost).toBeGreaterThan(SECONDS * 3);
    expect(asked).toBeGreaterThan(0);
    // Each is repaired by one repetition, a few by two.
    expect(after.video['retransmittedPacketsReceived']).toBeGreaterThan(relay.lost / 2);
    expect(Number(after.video['pliCount']), 'pictures that could not be repaired').toBe(
      Number(before.video['pliCount']),
    );
    if (LENGTH === 'short') {
      // Next to other suites a picture may also be late because the machine is busy.
      return;
    }
    const { freezeCount, framesDropped } = before.video;
    expect(after.video).toMatchObject({ freezeCount, framesDropped });
    expect(after.longestGapMs).toBeLessThan(300);
  });

  test('in packets of 60 ms no more sound is concealed than in packets of 20 ms', async () => {
    await using agent = await startAgent({ config: 'api: yes\npaths:\n  all_others:\n' });
    await using viewer = await startViewer();
    const file = await barClip({ ...SMALL, audio: 'aac' });
    await using _publisher = await publishClip(agent, 'cam', file, { isEndless: true });
    const url = `http://127.0.0.1:${agent.ports.webrtc}/cam/whep`;
    // At the same time: what a busy machine delays, both miss.
    const heard = async (audioPacketMs: number) => {
      await using relay = await MediaRelay.start(agent.ports.media, { seed: 7, loss: 0.02 });
      const page = await viewer.open(`${agent.url}/health`);
      const watching = await watch(page, { url, relayPort: relay.port, only: ' udp ', audioPacketMs });
      const before = await until(async () => {
        const report = await watching.report();
        return Number(report.audio['packetsReceived']) > 0 ? report : undefined;
      });
      const after = await watching.shown(before.pictures + SOUND_SECONDS * SMALL.fps);
      const gained = (name: string): number => Number(after.audio[name]) - Number(before.audio[name]);
      return {
        lost: gained('packetsLost'),
        samplesPerPacket: gained('totalSamplesReceived') / gained('packetsReceived'),
        concealedShare: gained('concealedSamples') / gained('totalSamplesReceived'),
        concealments: gained('concealmentEvents'),
      };
    };
    const [long, short] = await Promise.all([heard(60), heard(20)]);
    expect(Math.round(long.samplesPerPacket / short.samplesPerPacket)).toBe(3);
    expect(Math.min(long.lost, short.lost)).toBeGreaterThan(0);
    // Three times as few packets are lost, each of them three times as long.
    expect(long.concealments).toBeLessThanOrEqual(short.concealments);
    expect(long.concealedShare).toBeLessThan(short.concealedShare + CONCEALED_SPREAD);
  });
});
