import type { AllWords, SettingsPart } from './all-words.ts';
import { cameras, forwards, layouts, masks, sources, video } from './zh-cn/settings/cameras.ts';
import { copying } from './zh-cn/settings/copying.ts';
import { people } from './zh-cn/settings/people.ts';
import { secure } from './zh-cn/settings/secure.ts';
import { library, storage } from './zh-cn/settings/storage.ts';
import { system } from './zh-cn/settings/system.ts';
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
