import { beforeAll, describe, expect, test } from 'vitest';
import { byLength, describeWith } from '../peers/programs/peers.ts';
import { QUIRKS } from '../quirks/quirks.ts';
import { type QuirkCase, runTrials, type Verdict } from '../quirks/trials.ts';

/** Number of cases at the same time at one agent. */
const BATCH = 32;

/** Every quirk with each codec, over each transport, with and without sound. */
const ALL: readonly QuirkCase[] = QUIRKS.flatMap((kind) =>
  (['h264', 'h265'] as const).flatMap((codec) =>
    [false, true].flatMap((isUdp) => [false, true].map((hasSound) => caseOf(kind, codec, isUdp, hasSound))),
  ),
);

/** Every quirk with each codec; what one of the two goes without, the other has. */
const ONCE: readonly QuirkCase[] = QUIRKS.flatMap((kind, i) => {
  const [isUdp, hasSound] = [i % 2 === 1, (i >> 1) % 2 === 1];
  return [caseOf(kind, 'h264', isUdp, hasSound), caseOf(kind, 'h265', !isUdp, !hasSound)];
});

function caseOf(kind: QuirkCase['kind'], codec: QuirkCase['codec'], isUdp: boolean, hasSound: boolean): QuirkCase {
  const words = [
    codec === 'h264' ? 'H.264' : 'H.265',
    isUdp ? 'by UDP' : 'by TCP',
    ...(hasSound ? ['with sound'] : []),
  ];
  return { name: `${kind.name} (${words.join(', ')})`, kind, codec, isUdp, hasSound };
}

const CASES = byLength(ONCE, ALL);
const BATCHES = Array.from({ length: Math.ceil(CASES.length / BATCH) }, (_, i) =>
  CASES.slice(i * BATCH, (i + 1) * BATCH),
);

describeWith(['ffmpeg'], 'a camera that', () => {
  describe.for(BATCHES.map((cases, i) => [i + 1, cases] as const))('batch %d', ([, cases]) => {
    let verdicts: ReadonlyMap<QuirkCase, Verdict>;
    beforeAll(async () => {
      verdicts = await runTrials(cases);
    });
    /** Run again alone if it failed among others: a busy machine sends late. */
    const verdictOf = async (one: QuirkCase, retries: number) =>
      retries > 0 ? (await runTrials([one])).get(one) : verdicts.get(one);

    const named = cases.map((one) => [one.name, one] as const);
    test.for(named)('%s is read whole, with rising times that follow its captures', async ([, one], { task }) => {
      expect((await verdictOf(one, task.result?.retryCount ?? 0))?.reader).toEqual([]);
    });

    test.for(named)('%s is recorded so, and labelled with the time of its captures', async ([, one], { task }) => {
      expect((await verdictOf(one, task.result?.retryCount ?? 0))?.recording).toEqual([]);
    });
  });
});
