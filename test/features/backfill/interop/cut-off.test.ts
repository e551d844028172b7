import { test } from 'vitest';
import { openFarNetwork } from '../../../peers/host/far-network.ts';
import { openNamespace } from '../../../peers/host/namespace.ts';
import { byLength, describeWith } from '../../../peers/programs/peers.ts';
import { cutOff } from '../support/cut-off.ts';

const LIMIT = { timeout: 240_000 };
const OUTAGE_MS = 8_000;
/** Shorter than the outages. `system/cut-off.test.ts` has the default. */
const BOX_KEYS = 'readTimeout: 5s\n';
/** The second one follows a fetch. */
const OUTAGES = byLength(2, 3);
/** Packets that are lost several times, of a busy machine. */
const FAR_LATE_MS = 4_000;

/** `system/cut-off.test.ts` has the true lengths. */
describeWith(['namespaces'], 'cameras whose network is cut off', () => {
  test.concurrent(
    `after each of ${OUTAGES} outages the recording is that of the card`,
    LIMIT,
    async ({ onTestFinished }) => {
      const network = await openNamespace();
      onTestFinished(() => network[Symbol.asyncDispose]());
      await cutOff(onTestFinished, {
        network,
        cameras: 1,
        outagesMs: Array.from({ length: OUTAGES }, () => OUTAGE_MS),
        boxKeys: BOX_KEYS,
      });
    },
  );

  test.concurrent('so are those of eight cameras at once', LIMIT, async ({ onTestFinished }) => {
    const network = await openNamespace();
    onTestFinished(() => network[Symbol.asyncDispose]());
    await cutOff(onTestFinished, { network, cameras: 8, outagesMs: [OUTAGE_MS], boxKeys: BOX_KEYS });
  });

  test.concurrent('so is one with 300 ms of round trip and 1 % of lost packets', LIMIT, async ({ onTestFinished }) => {
    const network = await openFarNetwork({ roundTripMs: 300, lossPercent: 1 });
    onTestFinished(() => network[Symbol.asyncDispose]());
    const keys = '    rtspTransport: tcp\n';
    await cutOff(onTestFinished, {
      network,
      cameras: 1,
      outagesMs: [OUTAGE_MS],
      keys,
      boxKeys: BOX_KEYS,
      lateMs: FAR_LATE_MS,
    });
  });
});
