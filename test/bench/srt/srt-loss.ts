import { libsrtToLibsrt, libsrtToPerch, perchToLibsrt } from '../../peers/clients/srt-losses.ts';
import type { Figure } from '../measure/figure.ts';

const RUNS = 3;
const NETWORK = { loss: 0.02, delayMs: 25, latencyMs: 200, packets: 20_000 };

export const srtLoss: Figure = {
  name: 'srt-loss',
  unit: 'payloads',
  goal: 0,
  isAbsolute: false,
  about: `share of ${2 * NETWORK.packets} payloads from and to libsrt that is lost with 2 % packet loss, 50 ms round trip and 200 ms latency`,
  measure: async (note) => {
    const values: number[] = [];
    for (let i = 0; i < RUNS; i += 1) {
      const [received, sent, byLibsrt] = await Promise.all([
        libsrtToPerch(NETWORK),
        perchToLibsrt(NETWORK),
        libsrtToLibsrt(NETWORK),
      ]);
      note(`lost by Perch ${received} received and ${sent} sent, by two libsrt ${byLibsrt} of half as many`);
      values.push(received + sent);
    }
    return values;
  },
};
