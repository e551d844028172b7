import { expect, test } from 'vitest';
import { eventClause } from '../../cameras/event-kinds.ts';
import type { Rule } from './rules-data.ts';
import {
  fill,
  nameParts,
  pauseParts,
  ruleLines,
  ruleText,
  type SentenceContext,
  secondsText,
  textOf,
  waitText,
} from './sentence.ts';
import { zoneText } from './sentence-words.ts';
import { en } from './words/en.ts';
import { zhCn } from './words/zh-cn.ts';

const context = (t: typeof en, language: string, titles: Record<string, string> = {}): SentenceContext => ({
  t,
  language,
  titleOf: (path) => titles[path] ?? path,
  eventText: (event) => eventClause(event, t === zhCn ? 'zh-CN' : 'en'),
  outputText: (_path, id) => (id === 'light' ? t.theLight : id),
});
const ENGLISH = context(en, 'en-GB', { gate: 'Gate', yard: 'Yard' });
const CHINESE = context(zhCn, 'zh-CN', { gate: '大门', yard: '院子' });
const LATIN_NAMES = context(zhCn, 'zh-CN', { gate: 'Gate', yard: 'Yard 2' });

const AT_NIGHT: Rule = {
  name: 'Gate at night',
  when: { event: 'person', path: 'gate', hours: '22:00-06:00' },
  actions: [
    { preset: 'Gate', path: 'yard', seconds: 30 },
    { output: 'light', path: 'yard', seconds: 60 },
  ],
  pause: '30s',
};

test.for([
  [
    AT_NIGHT,
    'When a person is seen at Gate between 22:00 and 06:00, Yard turns to Gate for 30 seconds and the light at Yard switches on for 60 seconds.',
    '22:00 至 06:00 之间，大门有人出现时，让院子转到“Gate”30 秒，并打开院子的灯，持续 60 秒。',
    '22:00 至 06:00 之间，Gate 有人出现时，让 Yard 2 转到“Gate”30 秒，并打开 Yard 2 的灯，持续 60 秒。',
  ],
  [
    {
      ...AT_NIGHT,
      when: { event: 'car', path: 'gate', zone: 'Drive', modes: ['away', 'night'] },
      actions: [{ record: true, path: 'yard', seconds: 120 }],
    },
    'When a vehicle is seen at Gate in Drive while the mode is Away or Night, Yard records for 2 minutes.',
    '外出或夜间模式下，大门的“Drive”有车出现时，让院子录像 2 分钟。',
    '外出或夜间模式下，Gate 的“Drive”有车出现时，让 Yard 2 录像 2 分钟。',
  ],
  [
    {
      ...AT_NIGHT,
      when: { event: 'doorbell', path: 'gate', modes: ['home'], hours: '07:00-22:00' },
      actions: [
        { url: 'https://house.example/hook?token=secret' },
        { run: 'ring.sh' },
        { output: 'Relay 1', path: 'gate' },
      ],
    },
    'When someone rings at Gate between 07:00 and 22:00 while the mode is Home, the box calls house.example, the box runs ring.sh and Relay 1 at Gate switches on for 30 seconds.',
    '07:00 至 22:00 之间、在家模式下，大门有人按门铃时，访问 house.example，运行命令 ring.sh，并打开大门的 Relay 1，持续 30 秒。',
    '07:00 至 22:00 之间、在家模式下，Gate 有人按门铃时，访问 house.example，运行命令 ring.sh，并打开 Gate 的 Relay 1，持续 30 秒。',
  ],
  [
    { name: 'By hand', actions: [{ preset: 'Home', path: 'yard', seconds: 5 }] },
    'When you run the automation, Yard turns to Home for 5 seconds.',
    '您运行此规则时，让院子转到“Home”5 秒。',
    '您运行此规则时，让 Yard 2 转到“Home”5 秒。',
  ],
] as const)('the rule %j is one sentence in the order of each language', ([rule, english, chinese, latin]) => {
  expect(ruleText(rule, ENGLISH)).toBe(english);
  expect(ruleText(rule, CHINESE)).toBe(chinese);
  expect(ruleText(rule, LATIN_NAMES)).toBe(latin);
});

test('a zone without a name is called by its place, in the language of the page', () => {
  const rule: Rule = { ...AT_NIGHT, when: { event: 'motion', path: 'gate', zone: 'Zone 2' } };
  expect(ruleText(rule, ENGLISH)).toContain('When something moves at Gate in Zone 2,');
  expect(ruleText(rule, CHINESE)).toContain('大门的“侦测区域 2”检测到移动时，');
  // Its value stays that of the configuration.
  expect(zoneText('Zone 2', zhCn)).toBe('侦测区域 2');
  expect(zoneText('Zone of 2', zhCn)).toBe('Zone of 2');
});

test('the clock is that of the locale', () => {
  expect(ruleText(AT_NIGHT, context(en, 'en-US'))).toContain('between 10:00 PM and 6:00 AM');
});

test('a rule that is edited has words for what is not limited, and those of an action have its number', () => {
  const rule: Rule = { ...AT_NIGHT, when: { event: 'person', path: 'gate' } };
  const lines = ruleLines(rule, ENGLISH, { hasZones: true });
  expect(lines.map(textOf)).toEqual([
    'When a person is seen at Gate anywhere in the picture at any time,',
    'Yard turns to Gate for 30 seconds and',
    'the light at Yard switches on for 60 seconds.',
  ]);
  const words = (all: typeof lines) => all.map((line) => line.flatMap(({ word }) => word ?? []));
  expect(words(lines)).toEqual([
    ['event', 'camera', 'zone', 'time'],
    ['0.camera', '0.preset', '0.seconds'],
    ['1.output', '1.camera', '1.seconds'],
  ]);
  expect(words(ruleLines(rule, CHINESE, { hasZones: false }))).toEqual([
    ['time', 'camera', 'event'],
    ['0.camera', '0.preset', '0.seconds'],
    ['1.camera', '1.output', '1.seconds'],
  ]);
  expect(textOf(pauseParts(rule, ENGLISH))).toBe('Not again for 30 seconds.');
  expect(textOf(pauseParts(rule, CHINESE))).toBe('30 秒内不再运行。');
  expect(textOf(nameParts(rule, ENGLISH))).toBe('The automation is called Gate at night.');
});

test('every sentence has the same places in both languages', () => {
  const placesOf = (text: unknown) =>
    typeof text === 'string' ? [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort() : [];
  for (const [key, text] of Object.entries(en)) {
    expect(placesOf(zhCn[key as keyof typeof en]), key).toEqual(placesOf(text));
  }
});

test('an action and a kind that the page does not know are in the sentence, too', () => {
  const rule: Rule = { name: 'New', when: { event: 'crossing', path: 'gate' }, actions: [{ path: 'yard' }] };
  expect(ruleText(rule, ENGLISH)).toBe(
    'When crossing at Gate, the box does something that only the configuration file can change.',
  );
});

test.for([
  [5, '5 seconds'],
  [119, '119 seconds'],
  [120, '2 minutes'],
  [121, '3 minutes'],
] as const)('to wait %d seconds is to wait %s', ([seconds, text]) => {
  expect(waitText(seconds, 'en-GB')).toBe(text);
});

test('places without a value leave no trace', () => {
  expect(textOf(fill('a{b}c', {}))).toBe('ac');
});

test.for([
  [1, '1 second', '1 秒'],
  [90, '90 seconds', '90 秒'],
  [300, '5 minutes', '5 分钟'],
  [3600, '1 hour', '1 小时'],
  [5400, '90 minutes', '90 分钟'],
] as const)('%d seconds are %s', ([seconds, english, chinese]) => {
  expect(secondsText(seconds, 'en-GB')).toBe(english);
  expect(secondsText(seconds, 'zh-CN')).toBe(chinese);
});
