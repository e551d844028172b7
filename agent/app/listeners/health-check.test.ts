import { expect, test } from 'vitest';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { parseConfig } from '../../config/load/load.ts';
import { healthOf } from './health-check.ts';

function configOf(text: string) {
  const { config } = parseConfig(text, 'perch.yml', {}, { recordPath: './%path/%s', cwd: '/', keys: KEYS });
  if (!config) {
    throw new Error('the configuration is wrong');
  }
  return config;
}

const facts = (
  meanMs: number,
  maxMs: number,
  isRecordingBroken = false,
  isHeldUp = false,
  samples = 60,
  state = 'ok',
  { folder = '/mnt/disk', record = 'yes' } = {},
) => ({
  config: () => configOf(`paths: {cam: {record: ${record}, recordPath: /mnt/disk/%path/%Y-%m-%d_%H-%M-%S-%f}}`),
  dataDir: '/var/lib/perch',
  loop: { delay: { samples, meanMs, maxMs } },
  paths: { isRecordingBroken },
  recordings: { isHeldUp, space: { list: () => [{ folder, state }] } },
});

test.for([
  ['quiet', facts(1, 40), 'ok'],
  ['held up for a moment', facts(30, 4_900), 'ok'],
  ['held up for long', facts(400, 5_000), 'stuck'],
  ['late all the time', facts(500, 900), 'stuck'],
  ['started on a loaded machine, with one late sample of three', facts(900, 2_700, false, false, 3), 'ok'],
  ['late in all of its first ten samples', facts(900, 2_700, false, false, 10), 'stuck'],
  ['with a recorder that cannot write', facts(1, 40, true), 'not recording'],
  ['waiting for a disk that hangs', facts(1, 40, false, true), 'not recording'],
  ['with a disk that is mounted read-only', facts(1, 40, false, false, 60, 'readOnly'), 'read-only disk'],
  [
    'with a disk that is mounted read-only, to which no path records',
    facts(1, 40, false, false, 60, 'readOnly', { record: 'no' }),
    'ok',
  ],
  [
    'with its data folder on a disk that is mounted read-only',
    facts(1, 40, false, false, 60, 'readOnly', { folder: '/var/lib/perch/recordings', record: 'no' }),
    'read-only disk',
  ],
  ['with a full disk', facts(1, 40, false, false, 60, 'nearlyFull'), 'ok'],
  ['stuck, and therefore not recording either', facts(1, 9_000, true), 'stuck'],
] as const)('a box that is %s', ([, given, word]) => {
  expect(healthOf(given)).toBe(word);
});
