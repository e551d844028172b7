import type { AllWords, SettingsPart } from './all-words.ts';
import { cameras } from './zh-cn/cameras.ts';
import { people } from './zh-cn/people.ts';
import { storage } from './zh-cn/storage.ts';
import { system } from './zh-cn/system.ts';
import { you } from './zh-cn/you.ts';

/** What the settings say, which come later. */
export const zhCnSettings: Pick<AllWords, SettingsPart> = { cameras, storage, system, people, you };
