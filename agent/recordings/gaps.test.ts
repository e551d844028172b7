import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../test/support/disks/recordings.ts';
import { good } from '../../test/support/harness/loaded-config.ts';
import { silentLogger } from '../base/log.ts';
import type { CameraEvent } from '../record/events/event.ts';
import { FlushPoint } from '../record/write/flush.ts';
import { RecordingGaps } from './gaps.ts';

test.for([
  ['/rec', '/rec/usb'],
  ['/rec/usb', '/rec'],
])("of the disks %s and %s the one of the path's folder is the reason", async (folders) => {
  using folder = temporaryFolder();
  const clock = new FakeClock();
  const gapEvents = new Map<string, string>();
  const paths = ['inner', 'outer'];
  const config = good(`paths:
  inner: { record: yes, recordPath: /rec/usb/%path/%s-%f }
  outer: { record: yes, recordPath: /rec/%path/%s-%f }
`);
  const gaps = new RecordingGaps({
    ...{ config: () => config, dataDir: folder.path, clock, log: silentLogger },
    flush: new FlushPoint(clock, 1_000),
    index: {
      addEvent: ({ path, type }: CameraEvent) => gapEvents.set(path, type),
      removeEventsBefore: () => {},
    },
    ...{
      keptMs: () => undefined,
      isClockTrusted: () => true,
      isDateDoubted: () => false,
      lastAliveMs: () => undefined,
    },
    disks: () => folders.map((one) => ({ folder: one, state: one === '/rec' ? 'full' : 'vanished' })),
  });
  const stop = new AbortController();
  gaps.begin(stop.signal, () =>
    paths.map((name) => ({
      ...{ name, ready: true, paused: false, privacy: false, sourceOnDemand: false },
      recording: { active: false, error: 'the disk' },
    })),
  );
  await clock.advance(2_000);
  await expect
    .poll(() => Object.fromEntries(gapEvents))
    .toEqual({ '~gaps/inner': 'diskAway', '~gaps/outer': 'diskFull' });
  stop.abort();
  await gaps.close();
});
