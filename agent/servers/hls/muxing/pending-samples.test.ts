import { expect, test } from 'vitest';
import type { AacTrack } from '../../../media/sample/track.ts';
import { PendingSamples } from './pending-samples.ts';

const AAC: AacTrack = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 44_100,
  channels: 2,
  config: Uint8Array.of(0x12, 0x10),
  frameSamples: 1024,
};

const frame = (dts: number) => ({ data: new Uint8Array(8), pts: dts, dts, key: true, wall: 0 });

test('decode times are 10 s ahead of the samples, at another clock rate too', () => {
  const pending = new PendingSamples(AAC);
  pending.append(frame(0));
  expect(pending.take(1).baseTime).toBe(441_000);
  pending.describe({ ...AAC, clockRate: 48_000 });
  pending.append(frame(1024));
  expect(pending.take(1).baseTime).toBe(480_000 + 1024);
});
