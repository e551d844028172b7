import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startRecorder } from '../peers/cameras/recorder.ts';
import { describeWith, inShort } from '../peers/programs/peers.ts';

/** Connections, the first picture, and a machine that is busy. */
const SPARE_MS = 1_500;

describeWith(['gstreamer'], "all channels of a recorder at once, GStreamer's RTSP server with one user", () => {
  test.for(
    inShort(
      [
        [0.05, 'always pulled'],
        [0.05, 'on demand'],
        [1, 'always pulled'],
        [1, 'on demand'],
        [4, 'always pulled'],
        [4, 'on demand'],
      ] as const,
      '1 always pulled',
      '4 on demand',
    ),
  )(
    'that answers a login after %d s: all of %s is ready after two answers, and after one with a known login',
    async ([answerSeconds, when]) => {
      const dataDir = mkdtempSync(join(tmpdir(), 'perch-recorder-'));
      try {
        const isOnDemand = when === 'on demand';
        const options = { answerSeconds, isOnDemand, channels: isOnDemand ? 20 : 16, dataDir };
        const first = await startRecorder(options);
        expect(first).toMatchObject({ complaints: [], logins: options.channels });
        expect(first.lastMs).toBeLessThanOrEqual(2_000 * answerSeconds + SPARE_MS);
        const second = await startRecorder(options);
        expect(second).toMatchObject({ complaints: [], logins: options.channels });
        expect(second.lastMs).toBeLessThanOrEqual(1_000 * answerSeconds + SPARE_MS);
      } finally {
        rmSync(dataDir, { recursive: true, force: true });
      }
    },
  );
});
