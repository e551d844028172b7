import type { AllWords, SettingsPart } from './all-words.ts';
import { layouts } from './zh-cn/layouts.ts';
import { people } from './zh-cn/people.ts';
import { video } from './zh-cn/video.ts';
import { you } from './zh-cn/you.ts';

/** A file of its own, to keep each small. */
export const zhCnPeople: Pick<AllWords, Extract<SettingsPart, 'people' | 'you' | 'layouts' | 'video'>> = {
  ...{ people, you, layouts, video },
};
