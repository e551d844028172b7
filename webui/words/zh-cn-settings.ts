import type { AllWords, SettingsPart } from './all-words.ts';
import { cameras } from './zh-cn/cameras.ts';
import { secure } from './zh-cn/secure.ts';
import { system } from './zh-cn/system.ts';

/** Loaded with the settings. */
export const zhCnSettings: Pick<
  AllWords,
  Exclude<SettingsPart, 'modes' | 'people' | 'library' | 'you' | 'layouts' | 'video' | 'storage'>
> = {
  cameras,
  system,
  secure,
};
