import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { silentLogger } from '../../base/log.ts';
import { SegmentIndex } from '../../playback/index/segment-index.ts';
import { GapJournal } from './gap-journal.ts';
import { gapsName, type PathFacts, type WatchedPath } from './gap-reason.ts';

const RECORDED: WatchedPath = {
  name: 'cam',
  ready: true,
  paused: false,
  privacy: false,
  sourceOnDemand: false,
  recording: { active: true, error: null },
};
const OFFLINE = { ...RECORDED, ready: false, recording: { active: false, error: null } };
const PAUSED = { ...OFFLINE, paused: true };
const PRIVATE = { ...OFFLINE, privacy: true };
const FAILED = { ...RECORDED, recording: { active: false, error: 'the disk' } };
const OFF = { ...RECORDED, recording: null };

/** A box that is switched on and off; its journal persists. */
function gapBox() {
  const folder = temporaryFolder();
  const clock = new FakeClock();
  const index = new SegmentIndex(':memory:', (error) => {
    throw error;
  });
  const facts: { -readonly [K in keyof PathFacts]: PathFacts[K] } = { isAroundEvents: false, diskState: 'ok' };
  const startMs = clock.wallMs();
  const box = {
    clock,
    facts,
    isTrusted: true,
    aliveMs: undefined as number | undefined,
    journal: undefined as unknown as GapJournal,
    start: () => {
      box.journal = new GapJournal({
        folder: folder.path,
        clock,
        logger: silentLogger,
        index: index.events,
        factsOf: () => facts,
        isClockTrusted: () => box.isTrusted,
        lastAliveMs: () => box.aliveMs,
      });
    },
    /** Nothing changes for this many seconds. */
    see: async (seconds: number, ...paths: readonly WatchedPath[]) => {
      for (let i = 0; i < seconds; i += 1) {
        await box.journal.check(paths);
        await clock.advance(1_000);
      }
    },
    /** Reason, start and end of each gap, in seconds after the first start; undefined: the gap lasts. */
    reasons: (path = 'cam') =>
      index.events
        .eventsOf(gapsName(path), 0, Number.MAX_SAFE_INTEGER / 2, 100)
        .map(({ type, startUs, endUs }) => [
          type,
          secondsOf(startUs),
          endUs === undefined ? undefined : secondsOf(endUs),
        ]),
    /** Types and ends of the gaps that the journal's files alone give. */
    written: async () => {
      await box.journal.files.close();
      const found: unknown[] = [];
      await box.journal.replay({ addEvent: ({ type, endUs }) => found.push([type, endUs && secondsOf(endUs)]) });
      return found;
    },
  };
  const secondsOf = (us: number) => (us / 1000 - startMs) / 1000;
  box.start();
  onTestFinished(async () => {
    await box.journal.files.close();
    index.close();
    folder[Symbol.dispose]();
  });
  return box;
}

test.for([
  // A short gap may be over at the check that finds it: its reason begins at the last check that saw the stream.
  ['a camera that is away', OFFLINE, 'ok', 'offline', 19],
  ['a pause', PAUSED, 'ok', 'paused', 20],
  ['a private mode', PRIVATE, 'ok', 'private', 20],
  ['recording that is switched off', OFF, 'ok', 'recordingOff', 20],
  ['a disk that is full', FAILED, 'full', 'diskFull', 20],
  ['a disk with too little room', FAILED, 'nearlyFull', 'diskFull', 20],
  ['a disk that is not there', FAILED, 'vanished', 'diskAway', 20],
  ['a disk that hangs', FAILED, 'hanging', 'diskFault', 20],
] as const)('%s is the reason of the gap, from its begin to its end', async ([, path, diskState, reason, from]) => {
  const box = gapBox();
  await box.see(20, RECORDED);
  box.facts.diskState = diskState;
  await box.see(5, path);
  expect(box.reasons()).toEqual([[reason, from, undefined]]);
  box.facts.diskState = 'ok';
  await box.see(5, RECORDED);
  expect(box.reasons()).toEqual([[reason, from, 25]]);
  expect(await box.written()).toEqual([[reason, 25]]);
});

test('before the first key frame the previous reason continues, and event recording waits for an event', async () => {
  const box = gapBox();
  await box.see(20, RECORDED);
  await box.see(5, OFFLINE);
  await box.see(3, { ...RECORDED, recording: { active: false, error: null } });
  await box.see(2, RECORDED);
  box.facts.isAroundEvents = true;
  await box.see(5, RECORDED);
  expect(box.reasons()).toEqual([
    ['offline', 19, 28],
    ['nothingSeen', 30, undefined],
  ]);
});

test('a stream that fails and is back between two checks was offline, also while nothing is seen', async () => {
  const box = gapBox();
  await box.see(20, { ...RECORDED, faults: 3 });
  await box.see(5, { ...RECORDED, faults: 4 });
  await box.see(2, { ...RECORDED, faults: 5, recording: { active: false, error: null } });
  await box.see(3, { ...RECORDED, faults: 5 });
  box.facts.isAroundEvents = true;
  await box.see(5, { ...RECORDED, faults: 5 });
  await box.see(5, { ...RECORDED, faults: 6 });
  expect(box.reasons()).toEqual([
    ['offline', 19, 20],
    ['offline', 24, 27],
    ['nothingSeen', 30, 34],
    ['offline', 34, 35],
    ['nothingSeen', 35, undefined],
  ]);
});

test('a stream that its owner ends and begins again was not offline, nor one whose settings change', async () => {
  const box = gapBox();
  await box.see(20, { ...RECORDED, faults: 3 });
  await box.see(5, { ...RECORDED, faults: 0 });
  await box.see(5, { ...PAUSED, faults: 0 });
  await box.see(5, { ...RECORDED, faults: 2 });
  expect(box.reasons()).toEqual([['paused', 25, 30]]);
});

test('a camera that had connected before it is lost is an outage soon after a start, too', async () => {
  const box = gapBox();
  await box.see(2, OFFLINE);
  await box.see(3, RECORDED);
  await box.see(4, OFFLINE);
  await box.see(5, RECORDED);
  expect(box.reasons()).toEqual([['offline', 4, 9]]);
});

test('reasons follow each other, and cameras that connect after a start are not an outage', async () => {
  const box = gapBox();
  await box.see(10, OFFLINE);
  await box.see(10, RECORDED);
  await box.see(10, OFFLINE);
  await box.see(10, PAUSED);
  expect(box.reasons()).toEqual([
    ['offline', 19, 30],
    ['paused', 30, undefined],
  ]);
});

test('a path without recording has no reasons, nor does a removed one', async () => {
  const box = gapBox();
  await box.see(20, OFF, { ...OFF, name: 'sub' }, { ...RECORDED, name: 'gone' });
  await box.see(5, { ...OFFLINE, name: 'gone' });
  await box.see(5);
  expect([box.reasons('cam'), box.reasons('sub')]).toEqual([[], []]);
  expect(box.reasons('gone')).toEqual([['offline', 19, 26]]);
});

test('after an orderly shutdown the box was off until its next start', async () => {
  const box = gapBox();
  await box.see(20, RECORDED, { ...OFFLINE, name: 'away' });
  await box.journal.close();
  await box.clock.advance(100_000);
  box.start();
  box.aliveMs = box.clock.wallMs() - 100_000;
  await box.see(20, RECORDED, { ...OFFLINE, name: 'away' });
  expect(box.reasons()).toEqual([['boxOff', 20, 120]]);
  expect(box.reasons('away')).toEqual([
    ['offline', 15, 20],
    ['boxOff', 20, 120],
    ['offline', 135, undefined],
  ]);
});

test('after a power cut the box was off since it was last alive, and ongoing reasons end then', async () => {
  const box = gapBox();
  await box.see(20, RECORDED, { ...OFFLINE, name: 'away' });
  await box.journal.files.close();
  box.aliveMs = box.clock.wallMs() - 2_000;
  await box.clock.advance(100_000);
  box.start();
  // A board without a clock knows its time some seconds later.
  box.isTrusted = false;
  await box.see(5, RECORDED, { ...OFFLINE, name: 'away' });
  box.isTrusted = true;
  await box.see(2, RECORDED, { ...OFFLINE, name: 'away' });
  expect(box.reasons()).toEqual([['boxOff', 18, 120]]);
  expect(box.reasons('away')).toEqual([
    ['offline', 15, 18],
    ['boxOff', 18, 120],
  ]);
});

test('a new box was never off, nor one that was last alive after its start', async () => {
  const box = gapBox();
  await box.see(1, RECORDED);
  expect(box.reasons()).toEqual([]);
  await box.journal.files.close();
  box.aliveMs = box.clock.wallMs() + 60_000;
  box.start();
  await box.see(1, RECORDED);
  expect(box.reasons()).toEqual([]);
});

test('a gap whose end the disk rejected ends when the next reason starts, not when the machine was last alive', async () => {
  const box = gapBox();
  const startUs = box.clock.wallMs() * 1000;
  for (const [type, from, to] of [
    ['boxOff', 5, undefined],
    ['offline', 20, undefined],
    ['clockSet', 22, 25],
    ['offline', 30, 40],
    ['paused', 50, undefined],
  ] as const) {
    const endUs = to && startUs + to * 1e6;
    const event = { path: 'cam', source: 'perch', text: '', startUs: startUs + from * 1e6, endUs } as const;
    await box.journal.files.append({ id: `${type}-${from}`, type, ...event });
  }
  await box.clock.advance(100_000);
  box.aliveMs = box.clock.wallMs() - 10_000;
  box.start();
  await box.see(1, RECORDED);
  expect(box.reasons()).toEqual([
    ['boxOff', 5, 20],
    ['offline', 20, 30],
    ['paused', 50, 90],
    ['boxOff', 90, 100],
  ]);
  expect(await box.written()).toHaveLength(6);
});

test('times that the clock skipped have that as their reason', async () => {
  const box = gapBox();
  await box.see(20, RECORDED);
  box.clock.stepWall(3_600_000);
  box.journal.clockSet(3_600_000);
  box.clock.stepWall(-60_000);
  box.journal.clockSet(-60_000);
  expect(box.reasons()).toEqual([['clockSet', 20, 3_620]]);
});

test.for([-3_600, 3_600])('an outage has its length although the clock is set by %i s meanwhile', async (seconds) => {
  const box = gapBox();
  await box.see(20, RECORDED);
  box.clock.stepWall(seconds * 1_000);
  await box.see(5, OFFLINE);
  await box.see(5, RECORDED);
  expect(box.reasons().filter(([type]) => type === 'offline')).toEqual([['offline', 19 + seconds, 25 + seconds]]);
});

test('gaps as old as the recordings are removed, but not ongoing ones', async () => {
  const box = gapBox();
  await box.see(20, RECORDED, { ...RECORDED, name: 'off' });
  await box.see(5, OFFLINE, { ...OFF, name: 'off' });
  await box.see(1, RECORDED, { ...OFF, name: 'off' });
  await box.clock.advance(70 * 86_400_000);
  await box.journal.prune(box.clock.wallMs(), () => 7 * 86_400_000);
  expect(box.reasons()).toEqual([]);
  expect(box.reasons('off')).toEqual([['recordingOff', 20, undefined]]);
});
