import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { DemoRecordings, parseLeft } from './demo-recordings.ts';

/** Files of the path `demo`, some of which the demo camera has recorded. */
function demoWith(all: readonly string[]) {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const file = join(folder.path, 'demo-recordings.json');
  const there = new Set(all);
  const open = new Set<string>();
  let fault: PerchError | undefined;
  const removals: (readonly [number, number])[] = [];
  const clock = new FakeClock();
  const start = () =>
    new DemoRecordings({
      ...{ file, clock, log: silentLogger },
      isOpen: (one) => open.has(one),
      removeEvents: async (fromUs, untilUs) => {
        removals.push([fromUs, untilUs]);
      },
      remove: async (isMeant) => {
        if (fault) {
          throw fault;
        }
        for (const one of there) {
          if (isMeant(one) && !open.has(one)) {
            there.delete(one);
          }
        }
      },
    });
  return {
    ...{ file, open, start, clock, removals },
    left: () => [...there],
    eventRemovals: () => removals.length,
    fail: (error: PerchError | undefined) => {
      fault = error;
    },
  };
}

test('recordings of the demo camera are deleted with it, also those before a restart, and nothing else of its path', async () => {
  const { start, left } = demoWith(['of a camera named demo', 'first', 'second']);
  const before = start();
  before.segmentCreated('first');
  before.follow(true);
  await before.close();
  const after = start();
  after.segmentCreated('second');
  await after.close();
  expect(left()).toHaveLength(3);
  after.follow(false);
  await after.close();
  expect(left()).toEqual(['of a camera named demo']);
});

test('the last file is deleted when it is finished, also after the demo camera', async () => {
  const { start, left, open, eventRemovals } = demoWith(['last']);
  const demo = start();
  open.add('last');
  demo.follow(true);
  demo.segmentCreated('last');
  demo.follow(false);
  await demo.close();
  expect(left()).toEqual(['last']);
  expect(eventRemovals()).toBe(1);
  open.clear();
  demo.segmentCompleted();
  await demo.close();
  expect(left()).toEqual([]);
  expect(eventRemovals(), 'the last event ended with the stream').toBe(2);
  demo.follow(false);
  await demo.close();
  expect(eventRemovals(), 'a camera of the owner may have the name by now').toBe(2);
});

test('recordings on a missing disk are deleted the next time, and missing files are forgotten', async () => {
  const { file, start, left, fail } = demoWith(['one']);
  const demo = start();
  demo.segmentCreated('one');
  fail(new PerchError('unavailable', 'the disk is not there'));
  demo.follow(false);
  await demo.close();
  expect(left()).toEqual(['one']);
  fail(undefined);
  const later = start();
  later.follow(false);
  await later.close();
  expect(left()).toEqual([]);
  demo.segmentCreated('gone');
  fail(new PerchError('notFound', 'no recordings'));
  demo.follow(false);
  await demo.close();
  expect(readFileSync(file, 'utf8')).toBe('{"files":[]}\n');
});

test('of a list of an earlier version, which knew no times, the files are deleted and no events', async () => {
  const { file, start, left, eventRemovals } = demoWith(['one', 'of a camera named demo']);
  writeFileSync(file, '["one"]');
  const demo = start();
  demo.follow(false);
  await demo.close();
  expect(left()).toEqual(['of a camera named demo']);
  expect(eventRemovals()).toBe(0);
});

test('a damaged list deletes only files that it names', async () => {
  const next = random(11);
  const list = new TextEncoder().encode('["/recordings/demo/a.mp4","/recordings/demo/b.mp4",7]');
  for (let i = 0; i < 500; i += 1) {
    const { files } = parseLeft(new TextDecoder().decode(mutate(list, next)));
    expect([...files].every((name) => typeof name === 'string')).toBe(true);
  }
  const { file, start, left } = demoWith(['one']);
  writeFileSync(file, '{"one":');
  const demo = start();
  demo.follow(false);
  await demo.close();
  expect(left()).toEqual(['one']);
});

test('events of a demo camera that has recorded nothing are deleted with it, and none of a camera that has its name later', async () => {
  const { start, clock, removals } = demoWith([]);
  const nowUs = () => Math.round(clock.wallMs() * 1000);
  const fromUs = nowUs();
  const before = start();
  before.follow(true);
  await before.close();
  await clock.advance(5_000);
  const demo = start();
  demo.follow(true);
  await demo.close();
  await clock.advance(5_000);
  const untilUs = nowUs();
  demo.follow(false);
  await demo.close();
  await clock.advance(5_000);
  const later = start();
  later.follow(false);
  later.follow(false);
  await later.close();
  // A second time for an event that ended late.
  expect(removals).toEqual([
    [fromUs, untilUs],
    [fromUs, untilUs],
  ]);
});

test('without a demo camera nothing is deleted or written', async () => {
  const { start, file, eventRemovals } = demoWith(['of a camera named demo']);
  const demo = start();
  demo.follow(false);
  await demo.close();
  expect([eventRemovals(), existsSync(file)]).toEqual([0, false]);
});
