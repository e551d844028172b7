import { expect, test } from 'vitest';
import { choiceOf, daysText, inOrder, ruleOf, rulesText } from './modes-data.ts';
import { en as t } from './words/en.ts';

test.for([
  [['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], 'Every day'],
  [['fri', 'thu', 'wed', 'tue', 'mon'], 'Monday to Friday'],
  [['sun', 'sat'], 'Saturday and Sunday'],
  [['mon', 'wed'], 'Mon, Wed'],
  [['sun'], 'Sun'],
] as const)('the days %j are %s', ([days, text]) => {
  expect(daysText(days, 'en-GB', t)).toBe(text);
});

test.for([
  [undefined, { record: 'usual', sound: true, notify: true, privacy: false }],
  [{ record: true }, { record: 'always', sound: true, notify: true, privacy: false }],
  [{ record: 'always' }, { record: 'always', sound: true, notify: true, privacy: false }],
  [
    { record: 'motion', audio: false },
    { record: 'motion', sound: false, notify: true, privacy: false },
  ],
  [
    { record: false, privacy: true },
    { record: 'no', sound: true, notify: true, privacy: true },
  ],
] as const)('the rule %j is shown as it is', ([rule, choice]) => {
  expect(choiceOf(rule)).toEqual(choice);
});

test('defaults are not written, and audio that a file enables stays on', () => {
  expect(ruleOf({ record: 'usual', sound: true, notify: true, privacy: false })).toEqual({});
  expect(ruleOf({ record: 'usual', sound: true, notify: false, privacy: false })).toEqual({ notify: false });
  expect(ruleOf({ record: 'no', sound: false, notify: true, privacy: true })).toEqual({
    record: 'no',
    audio: false,
    privacy: true,
  });
  expect(ruleOf({ record: 'usual', sound: true, notify: true, privacy: false }, { audio: true })).toEqual({
    audio: true,
  });
});

test('a camera says in which modes it differs', () => {
  expect(rulesText(undefined, t)).toBe('The same in every mode');
  expect(
    rulesText(
      { home: { privacy: true, record: 'always' }, night: { record: 'motion', audio: false, notify: false } },
      t,
    ),
  ).toBe('Home: privacy · Night: records on motion, no sound, no notifications');
});

test('entries stand in the order of the day with their places in the file', () => {
  const entry = (from: string) => ({ days: ['mon'] as const, from, mode: 'home' as const });
  expect(inOrder([entry('22:00'), entry('08:00')])).toEqual([
    [entry('08:00'), 1],
    [entry('22:00'), 0],
  ]);
});
