import type { SystemId, TrustWords } from './trust-words.ts';
import { ENGLISH } from './trust-words-en.ts';
import { CHINESE } from './trust-words-zh.ts';

/** The device that shows the page, as far as its browser says. */
export interface Visitor {
  readonly system: SystemId;
  readonly thing: keyof TrustWords['things'];
}

/** An iPad that asks for desktop pages calls itself a Mac: the page's script corrects that. */
export function visitorOf(userAgent = ''): Visitor {
  if (/iPad/.test(userAgent)) {
    return { system: 'ios', thing: 'tablet' };
  }
  if (/iPhone|iPod/.test(userAgent)) {
    return { system: 'ios', thing: 'phone' };
  }
  if (/Android/.test(userAgent)) {
    return { system: 'android', thing: /Mobile/.test(userAgent) ? 'phone' : 'tablet' };
  }
  return { system: computerOf(userAgent), thing: 'computer' };
}

function computerOf(userAgent: string): SystemId {
  if (/Firefox\//.test(userAgent)) {
    return 'firefox';
  }
  if (/Windows/.test(userAgent)) {
    return 'windows';
  }
  return /Macintosh/.test(userAgent) ? 'macos' : 'linux';
}

/** Puts the visitor's device into a text, with a capital at its beginning. */
export function ofThing(text: string, thing: string): string {
  const full = text.replaceAll('{}', thing);
  return full.charAt(0).toUpperCase() + full.slice(1);
}

/** @param wanted `?lang=` @param preferred `Accept-Language` */
export function wordsFor(wanted: string | undefined, preferred: string | undefined): TrustWords {
  const language = (wanted ?? preferred?.split(',')[0] ?? '').trim().toLowerCase();
  return language.startsWith('zh') ? CHINESE : ENGLISH;
}
