import type { AllWords, SettingsPart } from './all-words.ts';
import { cameras } from './zh-cn/settings/cameras.ts';
import { copying } from './zh-cn/settings/copying.ts';
import { forwards } from './zh-cn/settings/forwards.ts';
import { layouts } from './zh-cn/settings/layouts.ts';
import { library } from './zh-cn/settings/library.ts';
import { masks } from './zh-cn/settings/masks.ts';
import { people } from './zh-cn/settings/people.ts';
import { secure } from './zh-cn/settings/secure.ts';
import { sources } from './zh-cn/settings/sources.ts';
import { storage } from './zh-cn/settings/storage.ts';
import { system } from './zh-cn/settings/system.ts';
import { video } from './zh-cn/settings/video.ts';
import { you } from './zh-cn/settings/you.ts';

export { zhCnFeatures } from './zh-cn-features.ts';

/** Loaded with the settings. */
export const zhCnSettings: Pick<AllWords, SettingsPart> = {
  cameras,
  storage,
  copying,
  system,
  secure,
  people,
  library,
  you,
  layouts,
  video,
  forwards,
  masks,
  sources,
};
