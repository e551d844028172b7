import type { AllWords, SettingsPart } from './all-words.ts';
import { layouts } from './zh-cn/layouts.ts';
import { library } from './zh-cn/library.ts';
import { modes } from './zh-cn/modes.ts';
import { people } from './zh-cn/people.ts';
import { storage } from './zh-cn/storage.ts';
import { video } from './zh-cn/video.ts';
import { you } from './zh-cn/you.ts';

/** A file of its own, to keep each small. */
export const zhCnPeople: Pick<
  AllWords,
  Extract<SettingsPart, 'modes' | 'people' | 'library' | 'you' | 'layouts' | 'video' | 'storage'>
> = {
  ...{ modes, people, library, you, layouts, video, storage },
};
