import { computed, type ReadonlySignal, signal } from '@preact/signals';
import { common } from './en/common.ts';
import { live } from './en/live.ts';

export type Language = 'en' | 'zh-CN';

export const LANGUAGES: readonly { readonly code: Language; readonly name: string }[] = [
  { code: 'en', name: 'English' },
  { code: 'zh-CN', name: '简体中文' },
];

/** For English without a region: the day comes before the month. */
const ENGLISH = 'en-GB';

const REMEMBERED = 'perch-language';

export const language = signal<Language>('en');

/** Locale of dates and numbers: the user's English variant, if the browser has one, with the clock of its time fields. */
export const locale = computed(() => withClock(localeOf(language.value, navigator.languages)));

/** Texts of the chosen language; undefined for English, which is part of the scripts. */
const others = signal<Readonly<Record<string, object>> | undefined>(undefined);

let hasSettings = false;

/** Texts of a page, or of a feature by its name, in the chosen language. English ones are part of the script that uses them. */
export const wordsOf = <T extends object>(page: string, english: T): ReadonlySignal<T> =>
  computed(() => {
    const texts = others.value?.[page];
    return texts ? withKeysOf(english, texts as T) : english;
  });

/** @param texts in the order of the English ones: the build leaves a list of them */
export function withKeysOf<T extends object>(english: T, texts: T | readonly unknown[]): T {
  const list = Object.values(texts);
  return Object.fromEntries(Object.keys(english).map((key, i) => [key, list[i]])) as T;
}

export const words = wordsOf('common', common);
export const liveWords = wordsOf('live', live);

export function pickLanguage(wanted: readonly string[]): Language {
  for (const code of wanted) {
    if (code.toLowerCase().startsWith('zh')) {
      return 'zh-CN';
    }
    if (code.toLowerCase().startsWith('en')) {
      return 'en';
    }
  }
  return 'en';
}

/** @param wanted the browser's languages, in order of preference */
export function localeOf(chosen: Language, wanted: readonly string[]): string {
  return chosen === 'en' ? (wanted.find((code) => /^en-[a-z]{2}$/i.test(code)) ?? ENGLISH) : chosen;
}

const cycleOf = (code?: string) =>
  new Intl.DateTimeFormat(code, { hour: 'numeric' }).resolvedOptions().hourCycle ?? 'h23';

/** @param browser its own locale; default: the one that it runs in */
export function withClock(code: string, browser?: string): string {
  const cycle = cycleOf(browser);
  return cycleOf(code) === cycle ? code : `${code}-u-hc-${cycle}`;
}

/** The stored choice, else the browser's language. */
export async function loadLanguage(): Promise<void> {
  const chosen = localStorage.getItem(REMEMBERED);
  await show(pickLanguage(chosen ? [chosen] : navigator.languages));
}

export async function chooseLanguage(code: Language): Promise<void> {
  localStorage.setItem(REMEMBERED, code);
  await show(code);
}

async function show(code: Language): Promise<void> {
  others.value = code === 'zh-CN' ? await chinese() : undefined;
  language.value = code;
  document.documentElement.lang = code;
}

const chinese = async (): Promise<Readonly<Record<string, object>>> => ({
  ...(await import('./zh-cn.ts')).zhCn,
  ...(hasSettings ? await chineseSettings() : {}),
});

async function chineseSettings() {
  const { zhCnSettings, zhCnFeatures } = await import('./zh-cn-settings.ts');
  return { ...zhCnSettings, ...zhCnFeatures };
}

/** Loads the texts of the settings; from then on they follow the language. */
export async function loadSettingsWords(): Promise<void> {
  hasSettings = true;
  if (language.peek() === 'zh-CN') {
    others.value = await chinese();
  }
}
