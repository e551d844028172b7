import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import type { FileMark } from '../../record/file/file-mark.ts';
import { SegmentIndex, type Timespan } from './segment-index.ts';
import { continues, type SegmentInfo, STATE } from './segment-row.ts';

const SECOND = 1_000_000;
const BOOT = 'b007b007b007b007b007b007b007b007';
const STREAM = '0123456789abcdef0123456789abcdef';

interface Given {
  /** Seconds. */
  readonly start: number;
  readonly duration?: number;
  readonly path?: string;
  readonly folder?: string;
  readonly stream?: string;
  readonly number?: number;
  /** As the clock said; the start when not given. */
  readonly wall?: number;
  readonly fileMark?: Partial<FileMark>;
  readonly signature?: string;
  readonly size?: number;
  readonly growing?: boolean;
}

function openIndex(): SegmentIndex & Disposable {
  const index = new SegmentIndex(':memory:', (error) => {
    throw error;
  });
  return Object.assign(index, { [Symbol.dispose]: () => index.close() });
}

let count = 0;

function tell(index: SegmentIndex, given: Given): string {
  const { start, duration = 10, path = 'cam', folder = `/rec/${path}`, fileMark } = given;
  count += 1;
  const name = `${start}-${count}.mp4`;
  index.addNames([{ folder, name, path, startUs: start * SECOND }]);
  const info: SegmentInfo = {
    sizeBytes: given.size ?? 100,
    mtimeMs: 1,
    isFinished: given.growing !== true,
    durationUs: duration * SECOND,
    mark:
      given.stream === undefined
        ? undefined
        : {
            streamId: given.stream,
            segmentNumber: given.number ?? 0,
            dtsUs: 0,
            wallUs: (given.wall ?? start) * SECOND,
          },
    fileMark: fileMark && {
      firstSequence: 1,
      bootId: BOOT,
      monoUs: 0,
      isClockTrusted: true,
      offsetMinutes: 0,
      ...fileMark,
    },
    signature: given.signature ?? '1:90000:avc1',
  };
  index.setInfo(`${folder}/${name}`, info);
  return `${folder}/${name}`;
}

const spans = (index: SegmentIndex, from = -1e9, to = 1e9) =>
  index
    .timespans('cam', from * SECOND, to * SECOND)
    .map(({ startUs, durationUs }) => [startUs / SECOND, durationUs / SECOND]);

const startsOf = (index: SegmentIndex) => index.startsOf('cam').map((us) => us / SECOND);

test.for([
  ['files of one stream, one number after the other', { stream: STREAM, number: 1 }, true],
  ['files of one stream with a number left out', { stream: STREAM, number: 2 }, false],
  ['files of two streams', { stream: STREAM.replace('0', '1'), number: 1 }, false],
  ['a file with a mark and one without', {}, false],
] as const)('%s', ([, second, isOne]) => {
  using index = openIndex();
  tell(index, { start: 0, stream: STREAM, number: 0 });
  tell(index, { start: 10, ...second });
  expect(spans(index)).toHaveLength(isOne ? 1 : 2);
});

test.for([
  ['that begin where the one before ended', { start: 10 }, true],
  ['that begin a second later', { start: 11 }, true],
  ['that begin more than a second later', { start: 11.1 }, false],
  ['with other tracks', { start: 10, signature: '1:90000:hvc1' }, false],
] as const)('files without marks %s', ([, second, isOne]) => {
  using index = openIndex();
  tell(index, { start: 0 });
  tell(index, second);
  expect(spans(index)).toHaveLength(isOne ? 1 : 2);
});

/** A copy of a recording of `cam`. @param nameUs by its name @param wallUs by the clock at its start */
function addCopy(index: SegmentIndex, nameUs: number, wallUs: number): string {
  const info = { sizeBytes: 100, mtimeMs: 0, isFinished: true, durationUs: SECOND, signature: '', fileMark: undefined };
  const mark = { streamId: STREAM, segmentNumber: 0, dtsUs: 0, wallUs };
  index.addNames([{ folder: 'archive:cam', name: 'copy.mp4', path: 'cam', startUs: nameUs }]);
  index.setInfo('archive:cam/copy.mp4', { ...info, mark }, STATE.copied);
  return 'archive:cam/copy.mp4';
}

test('the start by a name of another time zone is corrected by the capture time, except that of a copy, which is found by it', () => {
  using index = openIndex();
  const starts = (file: string) => [index.find(file)?.nameUs, index.find(file)?.startUs];
  const [there, here] = [100_000 * SECOND, 92_800 * SECOND];
  const file = tell(index, { start: 100_000, wall: 92_800, stream: STREAM });
  expect(starts(file)).toEqual([here, here]);
  expect(starts(addCopy(index, there, here))).toEqual([there, here]);
});

test('a recording that is on a disk again is listed once, also if its name has the time of another zone', () => {
  using index = openIndex();
  addCopy(index, 92_800 * SECOND, 92_800 * SECOND);
  const file = tell(index, { start: 100_000, wall: 92_800, stream: STREAM });
  expect(index.list('cam', 0, 200_000 * SECOND, 9).map((row) => row.file)).toEqual([file]);
});

test('a file that appears late, disappears or is damaged changes the timespans of its neighbours', () => {
  using index = openIndex();
  tell(index, { start: 0, stream: STREAM, number: 0 });
  tell(index, { start: 20, stream: STREAM, number: 2 });
  expect(spans(index)).toEqual([
    [0, 10],
    [20, 10],
  ]);
  const middle = tell(index, { start: 10, stream: STREAM, number: 1 });
  expect(spans(index)).toEqual([[0, 30]]);
  index.setBroken(middle, 5, 5, 'no header');
  expect(spans(index)).toHaveLength(2);
  expect(index.broken(10)).toMatchObject([{ file: middle, fault: 'no header' }]);
  index.remove(middle);
  expect(index.broken(10)).toEqual([]);
});

test('the last start before a time is that of the long file which contains it, if later ones have ended', () => {
  using index = openIndex();
  tell(index, { start: 0, duration: 10 });
  tell(index, { start: 10, duration: 100 });
  expect(index.lastStartUpTo('cam', 60 * SECOND)).toBe(10 * SECOND);
  const within = Array.from({ length: 15 }, (_, i) => 20 + i);
  for (const start of within) {
    tell(index, { start, duration: 1 });
  }
  expect(index.lastStartUpTo('cam', 60 * SECOND)).toBe(10 * SECOND);
  expect(index.lastStartUpTo('cam', 120 * SECOND)).toBe(34 * SECOND);
  expect(index.lastStartUpTo('cam', -1)).toBe(Number.MIN_SAFE_INTEGER);
});

test('a file is found by the first moment that plays, also within a longer one', () => {
  using index = openIndex();
  tell(index, { start: 0, duration: 100 });
  const file = tell(index, { start: 20, duration: 10 });
  index.hidden.set([{ path: 'cam', startUs: 15 * SECOND, endUs: 25 * SECOND }]);
  expect(index.findStart('cam', 25 * SECOND)?.file).toBe(file);
});

test('two files that begin at the same time are both listed, also when the list is read in pieces', () => {
  using index = openIndex();
  for (let i = 0; i < 5; i += 1) {
    tell(index, { start: 7, duration: i + 3 });
  }
  const rows = [];
  let last = index.list('cam', 0, 1e15, 2)[0];
  while (last) {
    rows.push(last);
    last = index.list('cam', 0, 1e15, 1, last)[0];
  }
  expect(rows.map(({ durationUs }) => durationUs / SECOND)).toEqual([3, 4, 5, 6, 7]);
  expect(spans(index)).toHaveLength(5);
});

/** MediaMTX's method: every file is read in turn. */
function naiveSpans(index: SegmentIndex): Timespan[] {
  const found: Timespan[] = [];
  const rows = index.list('cam', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 1e6);
  for (const [i, row] of rows.entries()) {
    const before = rows[i - 1];
    const last = found.at(-1);
    const endUs = row.startUs + row.durationUs;
    if (before && last && continues(before, row)) {
      found[found.length - 1] = { startUs: last.startUs, durationUs: endUs - last.startUs };
    } else {
      found.push({ startUs: row.startUs, durationUs: row.durationUs });
    }
  }
  return found;
}

test('with files added and removed in any order, timespans equal those of a full scan', () => {
  const next = random(5);
  const whole = (below: number) => Math.floor(next() * below);
  for (let round = 0; round < 20; round += 1) {
    using index = openIndex();
    const files: string[] = [];
    for (let step = 0; step < 80; step += 1) {
      const isMarked = next() < 0.6;
      const start = whole(30) * 10;
      const marks = isMarked ? { stream: STREAM.replace('0', String(whole(2))), number: start / 10 } : {};
      const clock = isMarked ? { fileMark: { monoUs: (1000 + start) * SECOND, isClockTrusted: next() < 0.5 } } : {};
      const wall = isMarked && next() < 0.3 ? { wall: start - 3600 } : {};
      const does = next();
      if (does < 0.7 || files.length === 0) {
        files.push(
          tell(index, { start, duration: 9 + whole(3), signature: String(whole(2)), ...marks, ...clock, ...wall }),
        );
      } else {
        const [file = ''] = files.splice(whole(files.length), 1);
        if (does < 0.8) {
          index.remove(file);
        } else if (does < 0.9) {
          index.setUnread(file);
        } else {
          index.setBroken(file, 0, 0, 'broken');
        }
      }
      expect(index.timespans('cam', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)).toEqual(naiveSpans(index));
    }
  }
});

test('recordings from before the clock was set get their true time once a file of the boot has it', () => {
  using index = openIndex();
  const untrusted = (mono: number) => ({ monoUs: mono * SECOND, isClockTrusted: false });
  // The board was started 1000 s into its own time, and thinks it is the second 50.
  tell(index, { start: 50, wall: 50, stream: STREAM, number: 0, fileMark: untrusted(20) });
  tell(index, { start: 60, wall: 60, stream: STREAM, number: 1, fileMark: untrusted(30) });
  expect(startsOf(index)).toEqual([50, 60]);
  tell(index, {
    start: 1040,
    wall: 1040,
    stream: STREAM.replace('0', '9'),
    fileMark: { monoUs: 40 * SECOND, isClockTrusted: true },
  });
  expect(startsOf(index)).toEqual([1020, 1030, 1040]);
  expect(spans(index)).toEqual([
    [1020, 20],
    [1040, 10],
  ]);
  // One that is read only now has the right time at once.
  tell(index, { start: 40, wall: 40, stream: STREAM, fileMark: untrusted(10) });
  expect(startsOf(index)).toEqual([1010, 1020, 1030, 1040]);
});

test('another boot, and a clock that was only slewed, change no label', () => {
  using index = openIndex();
  tell(index, { start: 50, stream: STREAM, fileMark: { bootId: STREAM, monoUs: 20 * SECOND, isClockTrusted: false } });
  tell(index, { start: 100, stream: STREAM, number: 1, fileMark: { monoUs: 10 * SECOND, isClockTrusted: false } });
  tell(index, { start: 111, stream: STREAM, number: 2, fileMark: { monoUs: 20 * SECOND, isClockTrusted: true } });
  expect(startsOf(index)).toEqual([50, 100, 111]);
});

test('a recording whose clock was not believed is dated once its boot is believed, also when no label changes by it', () => {
  using index = openIndex();
  const files = [10, 20].map((mono) =>
    tell(index, {
      start: 100 + mono,
      stream: STREAM,
      number: mono,
      fileMark: { monoUs: mono * SECOND, isClockTrusted: false },
    }),
  );
  const other = tell(index, {
    start: 50,
    stream: STREAM,
    fileMark: { bootId: STREAM, monoUs: 1, isClockTrusted: false },
  });
  expect([...files, other].map((file) => index.isDated(file))).toEqual([false, false, false]);
  const known = tell(index, {
    start: 130,
    stream: STREAM,
    number: 30,
    fileMark: { monoUs: 30 * SECOND, isClockTrusted: true },
  });
  expect([...files, known, other].map((file) => index.isDated(file))).toEqual([true, true, true, false]);
});

test('the last end of all is that of the path which was recorded last before a time', () => {
  using index = openIndex();
  expect(index.space.lastEndUs(1_000 * SECOND)).toBeUndefined();
  tell(index, { start: 100 });
  tell(index, { start: 300, number: 1 });
  tell(index, { start: 200, path: 'door' });
  const at = (s: number) => index.space.lastEndUs(s * SECOND);
  expect([at(100), at(101), at(250), at(1_000)]).toEqual([undefined, 110 * SECOND, 210 * SECOND, 310 * SECOND]);
});

test('files outside of the recording folders are reported by folder', () => {
  using index = openIndex();
  tell(index, { start: 30 });
  tell(index, { start: 5, path: 'cam', folder: '/disk2/cam' });
  tell(index, { start: 15, path: 'cam', folder: '/disk2/cam', number: 1 });
  tell(index, { start: 8, path: 'door', folder: '/disk20/door' });
  expect(index.space.heldOutside(['/rec/', '/disk20'])).toEqual([
    { folder: '/disk2/cam', files: 2, bytes: expect.any(Number), endUs: 25 * SECOND },
  ]);
  expect(index.space.heldOutside(['/rec', '/disk2']).map(({ folder }) => folder)).toEqual(['/disk20/door']);
  expect(index.space.heldOutside(['/rec', '/disk2', '/disk20'])).toEqual([]);
});

test('a mark with a monotonic time that no machine has counts as no clock', () => {
  using index = openIndex();
  tell(index, { start: 50, stream: STREAM, fileMark: { monoUs: 2 ** 63, isClockTrusted: true } });
  tell(index, { start: 60, stream: STREAM, number: 1, fileMark: { monoUs: 10, isClockTrusted: false } });
  expect(startsOf(index)).toEqual([50, 60]);
});

test('the oldest files that Perch wrote are found below a folder, finished ones only, in pieces', () => {
  using index = openIndex();
  const own = { stream: STREAM, fileMark: {} };
  tell(index, { start: 30, ...own });
  tell(index, { start: 10, path: 'other', ...own });
  tell(index, { start: 5, path: 'elsewhere', folder: '/disk2/elsewhere', ...own });
  tell(index, { start: 1, stream: STREAM });
  tell(index, { start: 20, ...own });
  tell(index, { start: 40, growing: true, ...own });
  const oldest = index.space.oldestOwn('/rec/', 2);
  expect(oldest.map(({ startUs }) => startUs / SECOND)).toEqual([10, 20]);
  const rest = index.space.oldestOwn('/rec', 2, oldest.at(-1));
  expect(rest.map(({ startUs }) => startUs / SECOND)).toEqual([30]);
  expect(index.space.oldestOwn('/re', 2)).toEqual([]);
  expect(index.space.oldestOwnOf('cam', 9).map(({ startUs }) => startUs / SECOND)).toEqual([20, 30]);
});

test('a path reports its oldest recording, and what it recorded since a time up to the growing file', () => {
  using index = openIndex();
  const span = (since: number, now: number) => {
    const { firstUs = Number.NaN, recentBytes, recentUs } = index.space.spanOf('cam', since * SECOND, now * SECOND);
    return [firstUs / SECOND, recentBytes, recentUs / SECOND];
  };
  expect(span(0, 9)).toEqual([Number.NaN, 0, 0]);
  tell(index, { start: 10, size: 100 });
  tell(index, { start: 20, size: 50 });
  tell(index, { start: 30, size: 7 });
  expect(span(15, 50)).toEqual([10, 57, 35]);
  expect(span(5, 50)).toEqual([10, 157, 40]);
  tell(index, { start: 40, size: 3, growing: true });
  expect(span(15, 50)).toEqual([10, 57, 25]);
  expect(span(60, 90)).toEqual([10, 0, 30]);
});

test('a path reports how much of the time it recorded: not before the import, the outage or the growing file', () => {
  using index = openIndex();
  const recorded = (since: number) => index.space.spanOf('cam', since * SECOND, 1_000 * SECOND).recordedUs / SECOND;
  expect(recorded(0)).toBe(0);
  tell(index, { start: 10, duration: 40 });
  expect(recorded(100), 'nothing since: the time without recording').toBe(900);
  tell(index, { start: 200, duration: 30 });
  tell(index, { start: 900, duration: 60 });
  expect([recorded(100), recorded(0)]).toEqual([90, 130]);
  tell(index, { start: 960, growing: true });
  expect([recorded(100), recorded(950)]).toEqual([90, 0]);
});

test('the bytes of a path are those of its files, after any change', () => {
  using index = openIndex();
  const first = tell(index, { start: 1, size: 10, stream: STREAM, fileMark: {} });
  const second = tell(index, { start: 2, size: 7 });
  expect(index.space.bytesOf('cam')).toEqual({ files: 2, bytes: 17, ownBytes: 10 });
  index.setBroken(second, 3, 0, 'cut');
  expect(index.space.bytesOf('cam')).toEqual({ files: 2, bytes: 13, ownBytes: 10 });
  index.remove(first);
  expect(index.space.bytesOf('cam')).toEqual({ files: 1, bytes: 3, ownBytes: 0 });
  expect(index.space.bytesOf('nothing')).toEqual({ files: 0, bytes: 0, ownBytes: 0 });
});

test('events that overlap the time are found: short ones, long ones that began days ago, and ongoing ones', () => {
  using index = openIndex();
  const event = (id: string, start: number, end: number | undefined) =>
    index.events.addEvent({
      id,
      path: 'cam',
      type: 'motion',
      text: '',
      startUs: start * SECOND,
      endUs: end === undefined ? undefined : end * SECOND,
    });
  event('before', 0, 99);
  event('long', -200_000, 150);
  event('over its edge', 90, 101);
  event('within', 120, 121);
  event('lasting', 50, undefined);
  event('after', 201, 202);
  const ids = (limit: number) => index.events.eventsOf('cam', 100 * SECOND, 200 * SECOND, limit).map(({ id }) => id);
  expect(ids(10)).toEqual(['long', 'lasting', 'over its edge', 'within']);
  expect(ids(2)).toEqual(['long', 'lasting']);
  event('lasting', 50, 60);
  expect(ids(10)).toEqual(['long', 'over its edge', 'within']);
  index.events.removeEventsWithin('cam', 120 * SECOND, 130 * SECOND);
  index.events.removeEventsWithin('other', 0, 300 * SECOND);
  expect(ids(10)).toEqual(['long', 'over its edge']);
  index.events.removeEventsBefore('cam', 160 * SECOND);
  expect(ids(10)).toEqual([]);
});

test('protected ranges take the place of those before', () => {
  using index = openIndex();
  const range = (id: string, start: number) => ({ id, path: 'cam', startUs: start, endUs: start + 10, note: 'n' });
  index.events.setProtected([range('a', 0), range('b', 100)]);
  expect(index.events.protectedOf('cam', 5, 100, 9).map(({ id }) => id)).toEqual(['a', 'b']);
  index.events.setProtected([range('c', 0)]);
  expect(index.events.protectedOf('cam', 5, 100, 9).map(({ id }) => id)).toEqual(['c']);
  expect(index.events.protectedOf('cam', 11, 100, 9)).toEqual([]);
});

test('events are identified by path and id, and those without an end are removed by age', () => {
  using index = openIndex();
  const hourUs = 3_600e6;
  const add = (path: string, startUs: number, endUs: number | undefined) =>
    index.events.addEvent({ id: '1', path, type: 'motion', startUs, endUs, text: '' });
  const count = (path: string) => index.events.eventsOf(path, 0, 100 * hourUs, 10).length;
  add('cam', hourUs, undefined);
  add('garden', 2 * hourUs, 3 * hourUs);
  expect([count('cam'), count('garden')]).toEqual([1, 1]);
  index.events.removeEventsBefore('cam', 2 * hourUs);
  expect(count('cam')).toBe(1);
  index.events.removeEventsBefore('cam', 2 * hourUs + 1);
  expect([count('cam'), count('garden')]).toEqual([0, 1]);
});
