// @also without-ffi in long

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, mediaEverywhere, startAgent } from '../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { type WatchReport, watch } from '../../peers/browser/webrtc-viewer.ts';
import { type BarClip, barClip, SMALL, TINY } from '../../peers/cameras/bar-clip.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { byLength, describeWith, inShort, LENGTH } from '../../peers/programs/peers.ts';

const SECONDS = byLength(2, 60);
/** Pictures like a camera's go over UDP in any length; in the short length the other transports get small ones, for ten players at once. */
const LIGHT: BarClip = LENGTH === 'short' ? TINY : SMALL;
/** Chromium conceals missing sound; a packet of it is 20 ms. */
const SOUNDS = SECONDS * 50;
const MANY = byLength(4, 20);

describeWith(['chromium', 'ffmpeg'], 'Chromium watches over WebRTC', () => {
  const open: AsyncDisposable[] = [];
  let agent: Agent;
  /** The same streams without any UDP. */
  let tcpAgent: Agent;
  let viewer: Viewer;

  beforeAll(async () => {
    const paths = 'paths:\n  all_others:\n';
    [agent, viewer] = await Promise.all([
      startAgent({ config: `api: yes\n${paths}`, listen: mediaEverywhere }),
      startViewer(),
    ]);
    const clips = await Promise.all([
      barClip({ ...SMALL, audio: 'opus' }),
      barClip({ ...LIGHT, audio: 'pcm_alaw' }),
      barClip({ ...LIGHT, audio: 'pcm_mulaw' }),
      barClip({ ...LIGHT, audio: 'opus' }),
      barClip(TINY),
    ]);
    const names = ['opus', 'alaw', 'mulaw', 'light', 'tiny'];
    const publish = (name: string, i: number) => publishClip(agent, name, clips[i] ?? '', { isEndless: true });
    open.push(...(await Promise.all(names.map(publish))));
    tcpAgent = await startAgent({
      config: `api: yes\npaths:\n  light: { source: '${agent.rtspUrl('light')}' }\n`,
      listen: () => ({ webrtcLocalUDPAddress: '' }),
    });
  });

  afterAll(async () => {
    for (const one of [viewer, ...open, tcpAgent, agent]) {
      await one?.[Symbol.asyncDispose]();
    }
  });

  const whepUrl = (path: string, of = agent): string => `http://127.0.0.1:${of.ports.webrtc}/${path}/whep`;

  /** Every picture and every audio packet has arrived, in its size. */
  function expectPlayed(report: WatchReport, sound: string, { width, height, fps } = LIGHT): void {
    expect(report).toMatchObject({ status: 201, connection: 'connected', size: [width, height] });
    expect(report.video).toMatchObject({ mimeType: 'video/H264' });
    expect(report.video['framesDecoded']).toBeGreaterThanOrEqual(SECONDS * fps);
    expect(report.audio).toMatchObject({ mimeType: sound });
    for (const { packetsLost, packetsReceived } of [report.video, report.audio]) {
      // With ten browsers on two cores a kernel's buffer overflows occasionally: lost packets are sent again.
      expect(Number(packetsLost)).toBeLessThanOrEqual(Number(packetsReceived) / 100);
    }
    expect(report.audio['packetsReceived']).toBeGreaterThan(SOUNDS * 0.8);
    expect(report.audio['totalAudioEnergy']).toBeGreaterThan(0);
    expect(report.contrast).toBeGreaterThan(150);
  }

  const CAMERAS = [
    ['opus', 'audio/opus', SMALL],
    ['alaw', 'audio/PCMA', LIGHT],
    ['mulaw', 'audio/PCMU', LIGHT],
  ] as const;
  test.concurrent.for(inShort(CAMERAS, 'opus', 'alaw'))(
    'H.264 with %s arrives complete through the one UDP port',
    async ([path, mimeType, clip]) => {
      const pictures = SECONDS * clip.fps;
      const page = await viewer.open(`${agent.url}/health`);
      const watching = await watch(page, { url: whepUrl(path), readsClock: true });
      const report = await watching.shown(pictures);
      expectPlayed(report, mimeType, clip);
      expect(report).toMatchObject({ protocol: 'udp', remotePort: agent.ports.media });
      // The camera's timestamps advance in real time; only the clip restarts.
      const clock = report.clock.flatMap(({ clockMs }) => (clockMs === undefined ? [] : [clockMs]));
      expect(clock.length).toBeGreaterThan(pictures * 0.9);
      // Its last and first pictures may be missing on a busy machine, but not half of it.
      const steps = clock.slice(1).map((ms, i) => ms - (clock[i] ?? 0));
      const back = steps.filter((ms) => ms < 0 && ms > -clip.seconds * 500);
      expect(back).toEqual([]);
      expect(await watching.close()).toBe(200);
      await page.close();
    },
  );

  test.concurrent('without UDP everything goes over TCP', async () => {
    const page = await viewer.open(`${agent.url}/health`);
    const watching = await watch(page, { url: whepUrl('light', tcpAgent) });
    const report = await watching.shown(SECONDS * LIGHT.fps);
    expectPlayed(report, 'audio/opus');
    expect(report).toMatchObject({ protocol: 'tcp', remotePort: tcpAgent.ports.media });
    await page.close();
  });

  test.concurrent.for(inShort(['udp', 'tcp'], 'udp'))('over IPv6 by %s as well', async (protocol) => {
    const page = await viewer.open(`${agent.url}/health`);
    const watching = await watch(page, { url: whepUrl('light'), only: new RegExp(` ${protocol} \\d+ ::1 `).source });
    const report = await watching.shown(SECONDS * LIGHT.fps);
    expectPlayed(report, 'audio/opus');
    expect(report).toMatchObject({ protocol, remotePort: agent.ports.media });
    expect(report.remoteAddress).toMatch(/^\[?::1\]?$/);
    await page.close();
  });

  test.concurrent(`${MANY} players that post an offer without candidates play on one page`, async () => {
    const page = await viewer.open(`${agent.url}/health`);
    const all = await Promise.all(Array.from({ length: MANY }, () => watch(page, { url: whepUrl('tiny') })));
    const reports = await Promise.all(all.map((one) => one.shown(SECONDS * TINY.fps)));
    expect(reports.map(({ status, size }) => [status, ...size])).toEqual(
      reports.map(() => [201, TINY.width, TINY.height]),
    );
    expect(Math.min(...reports.map(({ contrast }) => contrast))).toBeGreaterThan(150);
    const { items } = await agent.json<{ items: { path: string }[] }>('/v3/webrtcsessions/list');
    expect(items.filter(({ path }) => path === 'tiny')).toHaveLength(MANY);
    await page.close();
  });

  test.concurrent("WHEP's reference client plays", async () => {
    const page = await viewer.open(`${agent.url}/health`);
    const watching = await watch(page, { url: whepUrl('light'), isWhipWhep: true });
    expectPlayed(await watching.shown(SECONDS * LIGHT.fps), 'audio/opus');
    await watching.close();
    await page.close();
  });

  // After the others, not with them: a page slowed down by ten others has gaps of its own making.
  test('later candidates by PATCH are accepted, and ICE restarts without a gap in the picture', async () => {
    const page = await viewer.open(`${agent.url}/health`);
    const watching = await watch(page, { url: whepUrl('light'), trickles: true });
    const before = await watching.shown(LIGHT.fps);
    expect(before.headers).toMatchObject({ 'patch-status': '204', etag: '*' });
    await watching.settle();
    expect(await watching.restartIce()).toBe(200);
    const after = await watching.shown(before.pictures + SECONDS * LIGHT.fps);
    expectPlayed(after, 'audio/opus');
    // A broken path would be noticed only by its consent checks, after five seconds.
    expect(after.longestGapMs).toBeLessThan(2_500);
    await page.close();
  });
});
