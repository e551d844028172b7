import { expect, test } from 'vitest';
import { libsrtToLibsrt, libsrtToPerch, perchToLibsrt, type SrtNetwork } from '../peers/clients/srt-losses.ts';
import { byLength, describeWith } from '../peers/programs/peers.ts';

const PACKETS = 2_000;

const NETWORKS: readonly SrtNetwork[] = byLength(
  [
    { loss: 0.02, delayMs: 25, packets: PACKETS },
    { loss: 0.1, delayMs: 50, packets: PACKETS },
  ],
  [0.01, 0.05, 0.1].flatMap((loss) => [10, 25, 50, 100].map((delayMs) => ({ loss, delayMs, packets: PACKETS }))),
);

describeWith(['srt-tools'], 'SRT over a network that loses packets', () => {
  test.for(NETWORKS)(
    'with a loss of $loss and a way of $delayMs ms no more is lost than by libsrt',
    async (network) => {
      const [byLibsrt, received, sent] = await Promise.all([
        libsrtToLibsrt(network),
        libsrtToPerch(network),
        perchToLibsrt(network),
      ]);
      expect({
        received: received <= byLibsrt,
        sent: sent <= byLibsrt,
        byLibsrt,
        counts: [received, sent],
      }).toMatchObject({
        received: true,
        sent: true,
      });
    },
  );
});
