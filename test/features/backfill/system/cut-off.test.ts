import { test } from 'vitest';
import { openFarNetwork } from '../../../peers/host/far-network.ts';
import { openNamespace } from '../../../peers/host/namespace.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { cutOff } from '../support/cut-off.ts';

const OUTAGES = 3;
const MINUTE_MS = 60_000;
const outageMs = Number(process.env['PERCH_OUTAGE_MINUTES'] ?? 10) * MINUTE_MS;
/** 0.1 Mbit/s with sound: TCP carries about 0.5 Mbit/s here, live and replay have to share it for hours. */
const FAR_WIDTH = 160;
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
        keys: '    rtspTransport: tcp\n',
        width: FAR_WIDTH,
        lateMs: FAR_LATE_MS,
      });
    },
  );
});
