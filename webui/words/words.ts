import { signal } from '@preact/signals';
import { en, type Words } from './en.ts';

export type Language = 'en' | 'zh-CN';

export const LANGUAGES: readonly { readonly code: Language; readonly name: string }[] = [
  { code: 'en', name: 'English' },
  { code: 'zh-CN', name: '简体中文' },
];

const REMEMBERED = 'perch-language';

/** The page's words in the language that was chosen. */
export const words = signal<Words>(en);
export const language = signal<Language>('en');

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
  words.value = code === 'zh-CN' ? (await import('./zh-cn.ts')).zhCn : en;
  language.value = code;
  document.documentElement.lang = code;
}
