import { computed, type ReadonlySignal, signal } from '@preact/signals';
import type { AllWords } from './all-words.ts';
import { common } from './en/common.ts';
import { live } from './en/live.ts';

export type Language = 'en' | 'zh-CN';

export const LANGUAGES: readonly { readonly code: Language; readonly name: string }[] = [
  { code: 'en', name: 'English' },
  { code: 'zh-CN', name: '简体中文' },
];

/** Where the day comes before the month, as in the words. */
const ENGLISH = 'en-GB';

const REMEMBERED = 'perch-language';

export const language = signal<Language>('en');

/** How dates and numbers are written: as in the person's own country where English is its browser's language. */
export const locale = computed(() => localeOf(language.value, navigator.languages));

/** The words of another language than English; undefined while English is chosen. */
const others = signal<Partial<AllWords> | undefined>(undefined);

let hasSettings = false;

/** A page's words in the language that was chosen. Its English ones come with the page. */
export const wordsOf = <P extends keyof AllWords>(page: P, english: AllWords[P]): ReadonlySignal<AllWords[P]> =>
  computed(() => others.value?.[page] ?? english);

/** The words of the shell and of all pages. */
export const words = wordsOf('common', common);
export const liveWords = wordsOf('live', live);

/** The first of the person's languages that there is. */
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

/** @param wanted what the browser asks for, the dearest first */
export function localeOf(chosen: Language, wanted: readonly string[]): string {
  return chosen === 'en' ? (wanted.find((code) => /^en-[a-z]{2}$/i.test(code)) ?? ENGLISH) : chosen;
}

/** What was chosen before, else what the browser asks for. */
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

const chinese = async (): Promise<Partial<AllWords>> => ({
  ...(await import('./zh-cn.ts')).zhCn,
  ...(hasSettings ? await chineseSettings() : {}),
});

async function chineseSettings(): Promise<Partial<AllWords>> {
  const [settings, people] = await Promise.all([import('./zh-cn-settings.ts'), import('./zh-cn-people.ts')]);
  return { ...settings.zhCnSettings, ...people.zhCnPeople };
}

/** Before the settings are shown their words are there, too; from then on they change with the language. */
export async function loadSettingsWords(): Promise<void> {
  hasSettings = true;
  if (language.peek() === 'zh-CN') {
    others.value = await chinese();
  }
}
