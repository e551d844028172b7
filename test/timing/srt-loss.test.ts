import { expect, test } from 'vitest';
import { libsrtToLibsrt, libsrtToPerch, perchToLibsrt, type SrtNetwork } from '../peers/clients/srt-losses.ts';
import { byLength, describeWith } from '../peers/programs/peers.ts';

const COMMON = { packets: 2_000, maxLosses: 2 };

const NETWORKS: readonly SrtNetwork[] = byLength(
  [
    { ...COMMON, loss: 0.02, delayMs: 25 },
    { ...COMMON, loss: 0.1, delayMs: 50 },
  ],
  [0.01, 0.05, 0.1].flatMap((loss) => [10, 25, 50, 100].map((delayMs) => ({ ...COMMON, loss, delayMs }))),
);

describeWith(['srt-tools'], 'SRT over a network that loses packets', () => {
  test.for(NETWORKS)(
    'with a loss of $loss and a one-way delay of $delayMs ms Perch loses no more than libsrt',
    async (network) => {
      const [byLibsrt, received, sent] = await Promise.all([
        libsrtToLibsrt(network),
        libsrtToPerch(network),
        perchToLibsrt(network),
      ]);
      expect(Math.max(received, sent), `received ${received}, sent ${sent}`).toBeLessThanOrEqual(byLibsrt);
    },
  );
});
