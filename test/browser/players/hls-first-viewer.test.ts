import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { startViewer } from '../../peers/browser/browser.ts';
import { startFirefox } from '../../peers/browser/firefox.ts';
import { barClip, TINY } from '../../peers/cameras/bar-clip.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { byLength, describeWith, inShort } from '../../peers/programs/peers.ts';

/** The player has then played past the end of the first segments, and of a short group. */
const PLAYED_S = 2.5;

/** Group length and time of the join after its beginning, in seconds: the first segment is then unfinished, or from the cache. */
type Join = readonly [groupS: number, joinS: number];

const JOINS: readonly Join[] = [
  [2, 0.3],
  [2, 0.7],
  [10, 1.2],
  [2, 0],
  [2, 1.2],
  [2, 1.7],
  [10, 0.5],
  [10, 3],
  [10, 6.5],
];

interface Played {
  /** Ranges in seconds: a gap makes two. */
  readonly buffered: readonly string[];
  /** Played ranges: a jump makes two. */
  readonly played: readonly string[];
  readonly playedS: number;
  /** Media files that were requested more than once. */
  readonly repeated: readonly string[];
}

/** The part of a page that both browsers' drivers have. */
interface PlayerPage {
  evaluate<T>(look: () => T): Promise<T>;
  close(): Promise<void>;
}

/** Runs in the page. */
function look(): Played {
  const video = document.querySelector('video') as HTMLVideoElement;
  const rangesOf = (ranges: TimeRanges) =>
    Array.from({ length: ranges.length }, (_, i) => `${ranges.start(i).toFixed(2)}-${ranges.end(i).toFixed(2)}`);
  const { played } = video;
  const files = performance.getEntriesByType('resource').flatMap(({ name }) => /[^/?]+\.mp4/.exec(name)?.[0] ?? []);
  return {
    buffered: rangesOf(video.buffered),
    played: rangesOf(played),
    playedS: Array.from({ length: played.length }, (_, i) => played.end(i) - played.start(i)).reduce(
      (a, b) => a + b,
      0,
    ),
    repeated: [...new Set(files.filter((name, i) => files.indexOf(name) !== i))],
  };
}

/** A player may show the beginning of the buffer before it seeks to its position. */
const BEFORE_ITS_PLACE_S = 0.2;
/** On a busy machine the player falls behind its buffer, and sometimes resumes near live: jumps, but no gaps. */
const MAX_RANGES = byLength(3, 1);
const lengthOf = (range: string): number => {
  const [start = 0, end = 0] = range.split('-').map(Number);
  return end - start;
};

const BROWSERS = {
  firefox: startFirefox,
  chromium: startViewer,
};

for (const name of inShort(['firefox', 'chromium'] as const, 'chromium')) {
  describeWith([name, 'ffmpeg'], `The first viewer of a path, in ${name}`, () => {
    const open: AsyncDisposable[] = [];
    let agent: Agent;
    let openPage: (url: string) => Promise<PlayerPage>;

    beforeAll(async () => {
      agent = await startAgent({ config: 'api: yes\npaths:\n  all_others:\n' });
      const browser = await BROWSERS[name]();
      openPage = (url) => browser.open(url);
      open.push(agent, browser);
    });
    afterAll(async () => {
      for (const one of open.reverse()) {
        await one[Symbol.asyncDispose]();
      }
    });

    test.for(inShort(JOINS, '2 0.3', '10 1.2'))(
      'groups of %d s, opened at %d s: the first segments are got once and play without a gap',
      async ([groupS, joinS]) => {
        const path = `group-${groupS}-at-${joinS}`;
        const clip = await barClip({ ...TINY, audio: 'aac', groupSeconds: groupS });
        await using _publisher = await publishClip(agent, path, clip, { isEndless: true });
        const { readyTime } = await agent.json<{ readyTime: string }>(`/v3/paths/get/${path}`);
        await until(() => (Date.now() - Date.parse(readyTime) >= joinS * 1000 ? true : undefined));
        const page = await openPage(`http://127.0.0.1:${agent.ports.hls}/${path}/`);
        const seen = await until(async () => {
          const now = await page.evaluate(look);
          return now.playedS >= PLAYED_S ? now : undefined;
        });
        await page.close();
        const text = JSON.stringify(seen);
        expect(seen.repeated, text).toEqual([]);
        expect(seen.buffered, text).toHaveLength(1);
        const ranges = seen.played.filter((range) => lengthOf(range) > BEFORE_ITS_PLACE_S);
        expect(ranges.length, text).toBeLessThanOrEqual(MAX_RANGES);
      },
    );
  });
}
