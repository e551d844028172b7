import { expect, test } from 'vitest';
import {
  type Action,
  faultsOf,
  freeName,
  plainMessage,
  type Rule,
  secondsOf,
  withRule,
  wordOfMessage,
  zoneNames,
} from './rules-data.ts';
import { en } from './words/en.ts';

test.for([
  ['30s', 30],
  ['1h30m', 5400],
  ['1m0s', 60],
  ['500ms', 0.5],
  ['0s', 0],
] as const)('%s are %d seconds', ([text, seconds]) => {
  expect(secondsOf(text)).toBe(seconds);
});

const ACTIONS = [{ preset: 'Gate', path: 'yard' }, { record: true, path: 'yard' }, { run: 'x' }] as const;

test.for([
  ['rules[2].when.zone: gate has no zone Drive', 'zone'],
  ['rules[2].when.path: there is no path gate', 'camera'],
  ['rules[2].when.hours: write for example 22:00-06:00', 'time'],
  ['rules[2].then[0].preset: yard has no preset Gate', '0.preset'],
  ['rules[2].then[0].path: there is no path yard', '0.camera'],
  ['rules[2].then[1].record: yard cannot record', '1.camera'],
  ['rules[2].then[1].seconds: at most 3600', '1.seconds'],
  ['rules[2].then[2]: only the owner', '2.command'],
  ['perch.yml: rules[2].name: is taken', 'name'],
  ['rules[2].then: does nothing', 'add'],
  ['rules: has 200 entries', undefined],
  ['something else', undefined],
] as const)('the message “%s” is shown at the word %s', ([message, word]) => {
  expect(wordOfMessage(message, ACTIONS)).toBe(word);
});

test('a message at its word has no place in the file', () => {
  expect(plainMessage('perch.yml: rules[2].then[0].preset: yard has no preset Gate')).toBe('yard has no preset Gate');
  expect(plainMessage("rules[0].then[1].path: rule 'Gate': path has no effect with run")).toBe(
    'path has no effect with run',
  );
  expect(plainMessage('something else')).toBe('something else');
});

test('zones without a name are called by their place, and areas of one name are one zone', () => {
  expect(zoneNames(['Drive: 0,0 0.5,0 0.5,1', '0,0 1,0 1,1', 'Drive: 0,0 1,0 1,1'])).toEqual(['Drive', 'Zone 2']);
  expect(zoneNames()).toEqual([]);
});

test('a name that is taken gets a number', () => {
  expect(freeName('Gate: Person', ['Gate: Person', 'Gate: Person 2'])).toBe('Gate: Person 3');
  expect(freeName('x'.repeat(100), []).length).toBeLessThanOrEqual(64);
});

test('a changed rule keeps its place, also with another name and when it is saved twice', () => {
  const rule = (name: string): Rule => ({ name, actions: [] });
  const all = [rule('a'), rule('b'), rule('c')];
  const renamed = withRule(all, rule('B'), 'b');
  expect(renamed.map(({ name }) => name)).toEqual(['a', 'B', 'c']);
  expect(withRule(renamed, rule('B'), 'b')).toEqual(renamed);
  expect(withRule(all, rule('d')).map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
});

const ruled = (action: Action | undefined, name = 'Mine'): Rule => ({
  name,
  when: { event: 'person', path: 'gate' },
  actions: action ? [action] : [],
});

test.for([
  [undefined, { add: en.noAction }],
  [{ run: ' ' }, { '0.command': en.commandWrong }],
  [{ run: 'ring.sh' }, {}],
  [{ url: 'house.example' }, { '0.url': en.urlWrong }],
  [{ url: 'ftp://house.example' }, { '0.url': en.urlWrong }],
  [{ url: 'https://house.example/hook' }, {}],
  [{ preset: '', path: 'yard' }, { '0.preset': en.noPreset }],
  [{ preset: 'Gate', path: '' }, { '0.camera': en.noCamera }],
  [{ output: '', path: 'yard' }, { '0.output': en.noOutput }],
  [{ output: 'relay-1', path: 'yard', seconds: 5 }, {}],
  [{ record: true, path: 'yard' }, {}],
] as const)('what is wrong with the action %j is said at its word', ([action, faults]) => {
  expect(faultsOf(ruled(action), [], en)).toEqual(faults);
});

test('hours of which one is no time are not saved', () => {
  const at = (hours: string) => ({
    ...ruled({ record: true, path: 'yard' }),
    when: { event: 'person', path: 'gate', hours },
  });
  expect(faultsOf(at('22:00-06:00'), [], en)).toEqual({});
  expect(faultsOf(at('-06:00'), [], en)).toEqual({ time: en.timeWrong });
  expect(faultsOf(at('22:00-'), [], en)).toEqual({ time: en.timeWrong });
});

test('a name is not too long, and no other rule has it', () => {
  const action = { record: true, path: 'yard' };
  expect(faultsOf(ruled(action, 'x'.repeat(65)), [], en)).toEqual({ name: en.nameWrong });
  expect(faultsOf(ruled(action), ['Mine'], en)).toEqual({ name: en.nameTaken });
});
