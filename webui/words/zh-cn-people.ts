import type { AllWords, SettingsPart } from './all-words.ts';
import { people } from './zh-cn/people.ts';
import { you } from './zh-cn/you.ts';

/** What the settings say of people: a file of its own, so that each stays small. */
export const zhCnPeople: Pick<AllWords, Extract<SettingsPart, 'people' | 'you'>> = { people, you };
