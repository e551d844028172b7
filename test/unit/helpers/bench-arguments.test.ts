import { expect, test } from 'vitest';
import { readArguments, USAGE } from '../../bench/measure/arguments.ts';

test('figures and options are read in any order', () => {
  expect(readArguments(['start-time', '--json', 'footprint'])).toMatchObject({
    json: true,
    list: false,
    figures: ['start-time', 'footprint'],
  });
  expect(readArguments(['--against', 'mediamtx=/opt/mediamtx'])).toMatchObject({ against: 'mediamtx=/opt/mediamtx' });
});

test.for([
  [['--hepl'], 'no option is called --hepl; known options: --list, --json, --against, --help'],
  [
    ['start-time', '-x', '--jsno=yes'],
    'no option is called -x, --jsno; known options: --list, --json, --against, --help',
  ],
  [['--json=yes'], "Option '--json' does not take an argument"],
  [['--against'], "Option '--against <value>' argument missing"],
] as const)('%j are refused: %s', ([args, why]) => {
  expect(() => readArguments(args)).toThrow(why);
});

test('--help is no figure: it asks how to call the program', () => {
  expect(readArguments(['--help'])).toMatchObject({ help: true, figures: [] });
  expect(USAGE).toMatch(/^usage: npm run bench/);
});
