import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Agent, startAgent } from '../../peers/agent/agent.ts';
import { startViewer } from '../../peers/browser/browser.ts';
import { barClip, TINY } from '../../peers/cameras/bar-clip.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';

/** Stays below the eight seconds that Perch waits for a stream. */
const OUTAGE_MS = 3_000;
const PATIENCE_MS = 80_000;

const HLS_JS = readFileSync(new URL(import.meta.resolve('hls.js/dist/hls.min.js')), 'utf8');
const pageOf = (address: string) => `<!doctype html><video muted></video><script>${HLS_JS}</script><script>
const video = document.querySelector('video');
const hls = new Hls({ lowLatencyMode: true });
window.failures = [];
window.statuses = [];
hls.on(Hls.Events.ERROR, (_, { fatal, details, response }) => { statuses.push(details + ' ' + response?.code); if (fatal) failures.push(details); });
hls.loadSource('${address}');
hls.attachMedia(video);
video.play();
</script>`;

interface Seen {
  readonly timeS: number;
  /** Start and end of what is buffered, in seconds. */
  readonly buffered: readonly (readonly [number, number])[];
  readonly failures: readonly string[];
  readonly statuses: readonly string[];
}

function look(): Seen {
  const { failures, statuses } = globalThis as unknown as Seen;
  const { currentTime: timeS = 0, buffered: of } = document.querySelector('video') ?? {};
  const buffered = Array.from({ length: of?.length ?? 0 }, (_, i) => [of?.start(i) ?? 0, of?.end(i) ?? 0] as const);
  return { timeS, buffered, failures, statuses };
}

describeWith(['chromium', 'ffmpeg'], 'hls.js without a line of error handling', () => {
  let agents: readonly Agent[];
  beforeAll(async () => {
    agents = await Promise.all(
      ['lowLatency', 'mpegts', 'fmp4'].map((variant) =>
        startAgent({ config: `api: yes\nhlsVariant: ${variant}\nhlsSegmentCount: 3\npaths:\n  all_others:\n` }),
      ),
    );
  });
  afterAll(async () => {
    await Promise.all((agents ?? []).map((agent) => agent[Symbol.asyncDispose]()));
  });

  test.for(
    inShort(
      [
        [0, 'lowLatency'],
        [1, 'mpegts'],
        [2, 'fmp4'],
      ] as const,
      '0 lowLatency',
    ),
  )('plays on after an outage of three seconds: %d %s', async ([index]) => {
    const agent = agents[index] as Agent;
    const server = createServer((_, response) =>
      response.setHeader('Content-Type', 'text/html').end(pageOf(`http://127.0.0.1:${agent.ports.hls}/cam/index.m3u8`)),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const clip = await barClip({ ...TINY, audio: 'aac', groupSeconds: 1 });
    const publish = () => publishClip(agent, 'cam', clip, { isEndless: true });
    await using viewer = await startViewer();
    const first = await publish();
    const page = await viewer.open(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`);
    const played = (fromS: number, seconds: number) =>
      vi.waitFor(
        async () => {
          const seen = await page.evaluate(look);
          expect(seen.timeS, JSON.stringify(seen)).toBeGreaterThan(fromS + seconds);
          expect(seen.failures).toEqual([]);
          return seen;
        },
        { timeout: PATIENCE_MS },
      );
    await played(0, 2);
    await first[Symbol.asyncDispose]();
    await delay(OUTAGE_MS);
    const { timeS } = await page.evaluate(look);
    await using _second = await publish();
    const seen = await played(timeS, 4);
    expect(seen.statuses.filter((one) => /40[13]/.test(one))).toEqual([]);
    server.close();
  });
});
