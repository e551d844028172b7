import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { REASONS } from '../../agent/http/api/recordings/timeline.ts';
import { pageSources, TEXTS } from '../build.ts';
import type { AllWords } from './all-words.ts';
import { cameraView } from './en/camera-view.ts';
import { clips } from './en/clips.ts';
import { common } from './en/common.ts';
import { live } from './en/live.ts';
import { reasons } from './en/reasons.ts';
import { recordings } from './en/recordings.ts';
import { cameras } from './en/settings/cameras.ts';
import { copying } from './en/settings/copying.ts';
import { forwards } from './en/settings/forwards.ts';
import { layouts } from './en/settings/layouts.ts';
import { library } from './en/settings/library.ts';
import { masks } from './en/settings/masks.ts';
import { people } from './en/settings/people.ts';
import { secure } from './en/settings/secure.ts';
import { sources } from './en/settings/sources.ts';
import { storage } from './en/settings/storage.ts';
import { system } from './en/settings/system.ts';
import { video } from './en/settings/video.ts';
import { you } from './en/settings/you.ts';
import { start } from './en/start.ts';
import { walls } from './en/walls.ts';
import { counter } from './grammar/plural.ts';
import { localeOf, pickLanguage, withClock, withKeysOf } from './words.ts';
import { zhCn as zhCnSeen } from './zh-cn.ts';
import { zhCnSettings } from './zh-cn-settings.ts';

type Page = keyof AllWords;
const en: AllWords = {
  common,
  live,
  layouts,
  walls,
  cameraView,
  recordings,
  clips,
  library,
  reasons,
  start,
  cameras,
  storage,
  system,
  secure,
  people,
  you,
  video,
  forwards,
  masks,
  sources,
  copying,
};
const zhCn: AllWords = { ...zhCnSeen, ...zhCnSettings };
const FEATURES = join(import.meta.dirname, '../features');
/** Texts of features under their names, which no page has. */
for (const name of readdirSync(FEATURES).filter((one) => existsSync(join(FEATURES, one, 'words')))) {
  expect(en).not.toHaveProperty(name);
  Object.assign(en, { [name]: (await import(`../features/${name}/words/en.ts`)).en });
  Object.assign(zhCn, { [name]: (await import(`../features/${name}/words/zh-cn.ts`)).zhCn });
}
const PAGES = Object.keys(en) as Page[];

// WCAG 2.5.3: speech input uses the text that is seen.
test.for([en, zhCn])('the name of a button that logs one browser out contains the text on it', ({ you: t }) => {
  expect(t.logOutNamed('Firefox')).toContain(t.logOutDevice);
});

test.for([
  [['zh-CN', 'en'], 'zh-CN'],
  [['zh-Hans-SG'], 'zh-CN'],
  [['de-DE', 'zh-CN'], 'zh-CN'],
  [['en-GB', 'zh-CN'], 'en'],
  [['fr'], 'en'],
  [[], 'en'],
] as const)('languages %s choose %s', ([wanted, expected]) => {
  expect(pickLanguage(wanted)).toBe(expected);
});

test.for([
  ['en', ['en-US', 'en'], 'en-US'],
  ['en', ['fr-FR', 'en-AU'], 'en-AU'],
  ['en', ['en'], 'en-GB'],
  ['en', ['de', 'zh-CN'], 'en-GB'],
  ['zh-CN', ['en-US'], 'zh-CN'],
] as const)('in %s, dates for %s have the locale %s', ([chosen, wanted, expected]) => {
  expect(localeOf(chosen, wanted)).toBe(expected);
});

test.for([
  ['en-GB', 'en-GB', 'en-GB'],
  ['zh-CN', 'en-US', 'zh-CN-u-hc-h12'],
  ['en-US', 'de-DE', 'en-US-u-hc-h23'],
])('dates in %s have the clock of a browser in %s: %s', ([code, browser, expected]) => {
  expect(withClock(code ?? '', browser)).toBe(expected);
});

/** The text of a key, with `value` in each place. */
function sentence(text: unknown, value: unknown): string {
  return typeof text === 'function' ? (text as (...parts: unknown[]) => string)(value, value) : (text as string);
}

const says = (all: AllWords, value: unknown): [string, string][] =>
  PAGES.flatMap((page) =>
    Object.entries(all[page]).map(([key, text]): [string, string] => [`${page}.${key}`, sentence(text, value)]),
  );

test.for(PAGES)('%s has the same keys in both languages, and no empty text', (page) => {
  expect(Object.keys(zhCn[page])).toEqual(Object.keys(en[page]));
  for (const [key, text] of [...Object.entries(en[page]), ...Object.entries(zhCn[page])]) {
    expect(sentence(text, 3).trim(), key).not.toBe('');
  }
});

// The build leaves the lists alone.
test.for(PAGES)('%s in Chinese comes without keys', (page) => {
  expect(withKeysOf(en[page], Object.values(zhCn[page]))).toEqual(zhCn[page]);
  expect(withKeysOf(en[page], zhCn[page])).toEqual(zhCn[page]);
});

test('a text with a value contains it in both languages', () => {
  for (const page of PAGES) {
    for (const [key, text] of Object.entries(en[page])) {
      const other = (zhCn[page] as Record<string, unknown>)[key];
      expect(typeof other, `${page}.${key}`).toBe(typeof text);
      if (typeof text === 'function') {
        expect(sentence(text, 31), `${page}.${key}`).toContain('31');
        expect(sentence(other, 31), `${page}.${key}`).toContain('31');
      }
    }
  }
});

/** Fields for experts are named by the technical term. */
const EXPERTS = [
  ...['start.onvifOffText', 'start.addressHint', 'start.addressWrong', 'start.smallWrong'],
  ...['start.streamUnknown', 'start.noStream'],
];

test('no text has a word of blame or alarm', () => {
  for (const [key, text] of says(en, 1)) {
    if (!EXPERTS.includes(key)) {
      expect(text, key).not.toMatch(/error|please|oops|!|timeout|stream/i);
    }
  }
});

test('Chinese has full-width punctuation, and a space between Chinese and digits', () => {
  for (const [key, text] of says(zhCn, 12)) {
    expect(text, key).not.toMatch(/\p{Script=Han}[0-9A-Za-z]|[0-9A-Za-z]\p{Script=Han}|\p{Script=Han}[,.!?:;]/u);
  }
});

test.for([
  [1, 'One camera'],
  [2, '2 cameras'],
  [1200, '1,200 cameras'],
  [0, '0 cameras'],
] as const)('a count of %d is %s', ([count, text]) => {
  expect(counter('en')(count, { one: 'One camera', other: '# cameras' })).toBe(text);
});

const pageText = pageSources();
const namesIn = (pattern: string): string[] =>
  [...pageText.matchAll(new RegExp(pattern, 'g'))].flatMap(([, names = '']) => names.match(/\w+/g) ?? []);
/** As `say.key`, taken out of one of these by its name, by a function of the words, or by a table of their names. */
const said = new Set([
  ...namesIn(String.raw`${TEXTS}\??\.(\w+)`),
  ...namesIn(String.raw`\{([^{}]*)\} = ${TEXTS}`),
  ...namesIn(String.raw`\(\{ (\w+) \}\) => \w`),
  // By the box's name of a reason (`gapReasonText`).
  ...REASONS.map((reason) => `gap${reason[0]?.toUpperCase()}${reason.slice(1)}`),
  ...namesIn(String.raw`(?:keyof \w+Words|Reason)>+ = \{([^{}]*)\}`),
]);

test.for(PAGES)('each text of %s is used', (page) => {
  expect(Object.keys(en[page]).filter((key) => !said.has(key))).toEqual([]);
});
