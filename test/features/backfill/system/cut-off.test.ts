import { test } from 'vitest';
import { openFarNetwork } from '../../../peers/host/far-network.ts';
import { openNamespace } from '../../../peers/host/namespace.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { cutOff } from '../support/cut-off.ts';

const OUTAGES = 3;
const MINUTE_MS = 60_000;
const outageMs = Number(process.env['PERCH_OUTAGE_MINUTES'] ?? 10) * MINUTE_MS;
/**
 * TCP with 300 ms and 1 % carries about 0.45 Mbit/s (Mathis: 1.22 segments of 1,460 bytes in each 300 ms, divided by √0.01). Without sound
 * these pictures need 0.07 Mbit/s, so that eight gaps of ten minutes take half an hour. A real link needs 1 Mbit/s for that.
 */
const FAR_PICTURES = { width: 96, fps: 5 };
/** Packets that are lost several times, of a busy machine. */
const FAR_LATE_MS = 4_000;
const LIMIT = { timeout: OUTAGES * (4 * outageMs + 20 * MINUTE_MS) };
const outagesMs = Array.from({ length: OUTAGES }, () => outageMs);

describeWith(['namespaces'], `cameras that are cut off ${OUTAGES} times for ${outageMs / MINUTE_MS} minutes`, () => {
  test.concurrent('the recording is that of the card', LIMIT, async ({ onTestFinished }) => {
    const network = await openNamespace();
    onTestFinished(() => network[Symbol.asyncDispose]());
    await cutOff(onTestFinished, { network, cameras: 1, outagesMs });
  });

  test.concurrent(
    'so are those of eight, with 300 ms of round trip and 1 % of lost packets',
    LIMIT,
    async ({ onTestFinished }) => {
      const network = await openFarNetwork({ roundTripMs: 300, lossPercent: 1 });
      onTestFinished(() => network[Symbol.asyncDispose]());
      await cutOff(onTestFinished, {
        network,
        cameras: 8,
        outagesMs,
        keys: '    rtspTransport: tcp\n    audio: no\n',
        ...FAR_PICTURES,
        lateMs: FAR_LATE_MS,
      });
    },
  );
});
