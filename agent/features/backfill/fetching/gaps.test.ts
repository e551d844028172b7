import { expect, test } from 'vitest';
import type { GapReason } from '../../../base/event-kinds.ts';
import { gapInTurn, gapsByFault } from './gaps.ts';

type Seconds = readonly [from: number, until: number];
const range = ([from, until]: Seconds) => ({ startUs: from * 1e6, endUs: until * 1e6 });

interface Case {
  readonly recorded: readonly Seconds[];
  readonly reasons: readonly (readonly [GapReason, number, number | undefined])[];
  readonly deleted?: readonly Seconds[];
  readonly settled?: readonly Seconds[];
  readonly kept?: Seconds;
  readonly hasModes?: boolean;
  readonly isAroundEvents?: boolean;
}

const gaps = ({
  recorded,
  reasons,
  deleted = [],
  settled = [],
  kept = [0, 10_000],
  hasModes = false,
  isAroundEvents = false,
}: Case): Seconds[] =>
  gapsByFault(
    {
      recorded: recorded.map(range),
      deleted: deleted.map(range),
      reasons: reasons.map(([type, from, until]) => ({
        type,
        startUs: from * 1e6,
        endUs: until === undefined ? undefined : until * 1e6,
      })),
    },
    { settled: settled.map(range), range: range(kept), hasModes, isAroundEvents },
  ).map(({ startUs, endUs }) => [startUs / 1e6, endUs / 1e6]);

/** Recorded but for the time from 1,000 to 1,600 s. */
const OUTAGE: readonly Seconds[] = [
  [0, 1_000],
  [1_600, 9_000],
];

test.for(['offline', 'diskFull', 'diskAway', 'diskFault', 'boxOff'] as const)(
  'a gap by %s has the exact ends of the recordings',
  (type) => {
    expect(gaps({ recorded: OUTAGE, reasons: [[type, 1_004, 1_602]] })).toEqual([[1_000, 1_600]]);
  },
);

test.for(['paused', 'private', 'recordingOff', 'nothingSeen', 'clockSet'] as const)(
  'a gap by %s is not filled',
  (type) => {
    expect(gaps({ recorded: OUTAGE, reasons: [[type, 1_000, 1_600]] })).toEqual([]);
  },
);

test('a gap without a reason is not filled', () => {
  expect(gaps({ recorded: OUTAGE, reasons: [] })).toEqual([]);
});

test('a fault that lasts is not over', () => {
  expect(gaps({ recorded: [[0, 1_000]], reasons: [['offline', 1_004, undefined]] })).toEqual([]);
});

test('privacy within an outage stays private, with some distance', () => {
  const reasons = [
    ['offline', 1_000, 1_200],
    ['private', 1_200, 1_400],
    ['offline', 1_400, 1_600],
  ] as const;
  expect(gaps({ recorded: OUTAGE, reasons })).toEqual([
    [1_405, 1_600],
    [1_000, 1_195],
  ]);
});

test.for([
  ['before', [['private', 900, 1_000] as const, ['boxOff', 1_000, 1_600] as const]],
  ['after', [['boxOff', 1_000, 1_600] as const, ['paused', 1_610, undefined] as const]],
  ['since its clock was set', [['boxOff', 1_000, 1_200] as const, ['private', 1_290, 1_600] as const]],
] as const)(
  'a box that was off, and private or paused %s: the camera may have been private all the time',
  ([, reasons]) => {
    expect(gaps({ recorded: OUTAGE, reasons })).toEqual([]);
  },
);

test('a box that was off, of a camera that modes make private at times: only what is known to be a fault is filled', () => {
  const recorded = [
    [0, 1_000],
    [3_000, 9_000],
  ] as const;
  const reasons = [
    ['offline', 1_000, 1_500],
    ['boxOff', 1_500, 2_000],
    ['offline', 2_015, 3_000],
  ] as const;
  expect(gaps({ recorded, reasons, hasModes: true })).toEqual([
    [2_045, 3_000],
    [1_000, 1_470],
  ]);
  expect(gaps({ recorded, reasons })).toEqual(expect.arrayContaining([[1_000, 1_530]]));
  expect(gaps({ recorded: OUTAGE, reasons: [['boxOff', 1_000, 1_600]], hasModes: true })).toEqual([]);
});

test('what was deleted is not fetched again, nor what was asked for, nor what is too old', () => {
  const reasons = [['offline', 1_000, 1_600]] as const;
  expect(gaps({ recorded: OUTAGE, reasons, deleted: [[1_100, 1_200]] })).toEqual([
    [1_200, 1_600],
    [1_000, 1_100],
  ]);
  expect(gaps({ recorded: OUTAGE, reasons, settled: [[900, 1_700]] })).toEqual([]);
  expect(gaps({ recorded: OUTAGE, reasons, kept: [1_300, 9_000] })).toEqual([[1_300, 1_600]]);
});

test('an outage before all recordings is filled as far as retention reaches: none was deleted to make room', () => {
  const recorded = [[8_000, 9_000]] as const;
  expect(gaps({ recorded, reasons: [['offline', 1_000, 7_990]], kept: [5_000, 9_000] })).toEqual([[5_000, 8_000]]);
});

test.for<[string, readonly Seconds[]]>([
  ['is recorded yet', []],
  ['is recorded before its first clip', [[5_000, 5_020]]],
])('with record: motion an outage is filled where nothing %s', ([, recorded]) => {
  const reasons = [
    ['nothingSeen', 0, 1_000],
    ['offline', 1_000, 4_600],
    ['nothingSeen', 4_600, undefined],
  ] as const;
  expect(gaps({ recorded, reasons, isAroundEvents: true })).toEqual([[1_000, 4_600]]);
});

test('what an interrupted fetch has brought is not asked for again', () => {
  const recorded = [...OUTAGE, [1_300, 1_600] as const];
  expect(gaps({ recorded, reasons: [['offline', 1_000, 1_600]] })).toEqual([[1_000, 1_300]]);
});

test('gaps are filled from the newest to the oldest, and short ones stay', () => {
  const recorded = [
    [0, 1_000],
    [1_100, 2_000],
    [2_000.4, 3_000],
    [3_050, 4_000],
  ] as const;
  const reasons = [
    ['offline', 1_000, 1_100],
    ['offline', 2_000, 2_002],
    ['diskFull', 3_000, 3_050],
  ] as const;
  expect(gaps({ recorded, reasons })).toEqual([
    [3_000, 3_050],
    [1_000, 1_100],
  ]);
});

test('a gap that fails waits until the older ones have had their turn', () => {
  const [newest, middle, oldest] = [range([30, 40]), range([20, 25]), range([0, 10])];
  const turns = [0, 1, 2, 3].map((failures) => gapInTurn([newest, middle, oldest], failures));
  expect(turns).toEqual([newest, middle, oldest, newest]);
  // The older ones are filled, and the failure stays.
  expect([gapInTurn([newest, oldest], 1), gapInTurn([newest], 1), gapInTurn([], 1)]).toEqual([
    oldest,
    newest,
    undefined,
  ]);
});

test.for(['offline', 'diskFull', 'boxOff'] as const)(
  'with record: motion all of a gap by %s is missing, and nothing else',
  (type) => {
    const recorded: readonly Seconds[] = [
      [500, 520],
      [1_700, 1_720],
    ];
    const reasons = [
      ['nothingSeen', 0, 1_000],
      [type, 1_000, 1_600],
      ['nothingSeen', 1_600, undefined],
    ] as const;
    expect(gaps({ recorded, reasons, isAroundEvents: true })).toEqual([[1_000, 1_600]]);
  },
);

test('with record: motion a time of privacy stays private', () => {
  const reasons = [
    ['nothingSeen', 0, 1_000],
    ['boxOff', 1_000, 1_600],
    ['private', 1_602, 2_000],
  ] as const;
  expect(gaps({ recorded: [[500, 520]], reasons, isAroundEvents: true })).toEqual([]);
});
