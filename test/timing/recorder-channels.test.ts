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
    'that answers a login after %d s: all of %s is ready after two answers, also with a known login',
    async ([answerSeconds, when]) => {
      const dataDir = mkdtempSync(join(tmpdir(), 'perch-recorder-'));
      try {
        const isOnDemand = when === 'on demand';
        const options = { answerSeconds, isOnDemand, channels: isOnDemand ? 20 : 16, dataDir };
        for (const login of ['new', 'known']) {
          const start = await startRecorder(options);
          expect(start, login).toMatchObject({ complaints: [], logins: options.channels });
          // The first answer says that the password is still right: the other channels go then.
          expect(start.lastMs, login).toBeLessThanOrEqual(2_000 * answerSeconds + SPARE_MS);
        }
      } finally {
        rmSync(dataDir, { recursive: true, force: true });
      }
    },
  );
});
